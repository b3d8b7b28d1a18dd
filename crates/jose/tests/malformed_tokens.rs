//! Malformed tokens and signatures, and the error for each.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

mod issuer;

use counterfoil_jose::{Algorithm, HmacKey, Jws, JwsError, KeySet, SignError, VerifyingKey, base64url, jws};

use issuer::ISSUER;

const SECRET: &[u8] = b"8f1d2a6c5b9e4f07a3d6c1e8b2f4907d5ac3e6f1b8092d4e7f6a1c3b5d8e9f02";

#[test]
fn only_the_compact_serialization_is_accepted() {
    let token = ISSUER.token();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let flat = format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    for invalid in [
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        header,
        &flat,
        &general,
        &format!("{header}.{payload}"),
        &format!("{header}.{payload}."),
        &format!("{header}..{signature}"),
        &format!(".{payload}.{signature}"),
        &format!("{token}."),
        &format!(".{token}"),
        &format!("{token}.x"),
        &format!("{header}..{payload}.{signature}"),
    ] {
        assert_eq!(ISSUER.error_code(invalid), "token_not_compact", "{invalid}");
    }
    for invalid in [
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}\r\n"),
        format!("{token}\0"),
        format!("{{{token}}}"),
        format!("\"{token}\""),
        format!("{token}="),
        format!("{token}é"),
        format!("Bearer {token}"),
        token.replacen('.', ".\n", 1),
        token.replacen('.', "=.", 1),
        token.replacen('e', "+", 1),
        token.replacen('e', "/", 1),
        format!("\u{feff}{token}"),
    ] {
        assert_eq!(ISSUER.error_code(&invalid), "token_not_base64url", "{invalid}");
    }
}

/// The same bytes, encoded with an unused bit set; `None` if it has no unused bits.
fn with_unused_bit_set(segment: &str) -> Option<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (front, last) = segment.split_at(segment.len() - 1);
    let value = ALPHABET.find(last)?;
    (!segment.len().is_multiple_of(4)).then(|| format!("{front}{}", &ALPHABET[value + 1..value + 2]))
}

#[test]
fn non_canonical_base64url_is_rejected_in_each_segment() {
    // A payload of 16 bytes and a header of 28 bytes, so that each segment has unused bits.
    let key = VerifyingKey::from_secret(Algorithm::Hs256, "k", SECRET).unwrap();
    let keys = KeySet::new([key]).unwrap();
    let header = r#"{"alg":"HS256","typ":"JWT" }"#;
    let signing_input = format!("{}.{}", base64url::encode(header), base64url::encode([b'x'; 16]));
    let mac = HmacKey::new(SECRET).mac(&[signing_input.as_bytes()]);
    let token = format!("{signing_input}.{}", base64url::encode(mac));
    let verify = |token: &str| jws::verify(token, &keys, &[Algorithm::Hs256], &["JWT"]);
    assert!(verify(&token).is_ok());

    let segments: Vec<&str> = token.split('.').collect();
    for index in 0..3 {
        for invalid in [with_unused_bit_set(segments[index]).unwrap(), format!("{}=", segments[index])] {
            let mut changed = segments.clone();
            changed[index] = &invalid;
            // Signed again, so that only the encoding is wrong.
            let signing_input = changed[..2].join(".");
            let mac = base64url::encode(HmacKey::new(SECRET).mac(&[signing_input.as_bytes()]));
            let token = if index == 2 { changed.join(".") } else { format!("{signing_input}.{mac}") };
            assert_eq!(verify(&token).unwrap_err(), JwsError::NotBase64url, "{token}");
        }
    }
}

#[test]
fn a_long_token_is_rejected_before_it_is_parsed() {
    for long in
        [".".repeat(10_000_000), "a".repeat(8 * 1024 + 1), format!("{}{}", ISSUER.token(), "A".repeat(8192))]
    {
        assert_eq!(ISSUER.error_code(&long), "token_too_long");
    }
    assert_eq!(ISSUER.error_code(&".".repeat(8 * 1024)), "token_not_compact");
    let deep = ISSUER.header_with(&format!(r#","x":{}{}"#, "[".repeat(1000), "]".repeat(1000)));
    assert_eq!(ISSUER.error_code(&ISSUER.signed(deep)), "token_bad_header");
}

#[test]
fn every_token_that_is_signed_can_be_verified() {
    assert_eq!(ISSUER.key.sign("at+jwt", &[b' '; 8192]), Err(SignError::TooLong));
    let longest = ISSUER.key.sign("at+jwt", &[b' '; 5900]).unwrap();
    assert!(ISSUER.verify(&longest).is_ok());
}

#[test]
fn a_jwe_is_rejected() {
    let header = base64url::encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    assert_eq!(ISSUER.error_code(&format!("{header}.AAAA.AAAA.AAAA.AAAA")), "token_not_compact");
    let expensive = r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AAAA"}"#;
    assert_eq!(ISSUER.error_code(&ISSUER.signed(expensive)), "token_alg_not_allowed");
}

#[test]
fn the_signature_is_verified_before_the_payload_is_read() {
    let token = ISSUER.token();
    let (signing_input, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signing_input.split_once('.').unwrap();
    for payload in ["{\"sub\":\"admin\"}", "not json", "", "\u{0}"] {
        let payload = if payload.is_empty() { "AA".to_owned() } else { base64url::encode(payload) };
        assert_eq!(ISSUER.error_code(&format!("{header}.{payload}.{signature}")), "token_bad_signature");
    }
}

#[test]
fn an_es256_signature_is_two_integers_in_range_of_32_bytes_each() {
    let order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
    let n: Vec<u8> = (0..64).step_by(2).map(|i| u8::from_str_radix(&order[i..i + 2], 16).unwrap()).collect();
    let token = ISSUER.token();
    let (signing_input, genuine) = token.rsplit_once('.').unwrap();
    let genuine = base64url::decode(genuine).unwrap();
    let (r, s) = genuine.split_at(32);
    let der_integer = |number: &[u8]| {
        let sign = if number[0] >= 0x80 { &[0][..] } else { &[] };
        [&[2, (number.len() + sign.len()) as u8][..], sign, number].concat()
    };
    let body = [der_integer(r), der_integer(s)].concat();
    let der = [&[0x30, body.len() as u8][..], &body].concat();
    let zero = [0; 32];
    let one = [&[0; 31][..], &[1]].concat();
    for invalid in [
        der,
        vec![0; 64],
        vec![0],
        vec![0; 63],
        vec![0; 65],
        [&n[..], &n].concat(),
        [r, &zero].concat(),
        [&zero, s].concat(),
        [r, &n].concat(),
        [&n, s].concat(),
        [&one[..], &one].concat(),
        [r, s, &[0]].concat(),
        [&[0], r, s].concat(),
        [s, r].concat(),
        r.to_vec(),
        vec![0xFF; 64],
        vec![0xFF; 1024],
        vec![0xFF; 4000],
    ] {
        assert_eq!(
            ISSUER.error_code(&format!("{signing_input}.{}", base64url::encode(&invalid))),
            "token_bad_signature",
            "{invalid:?}"
        );
    }
}

#[test]
fn an_error_contains_no_part_of_the_token() {
    let token = ISSUER.signed(r#"{"typ":"hunter2","alg":"hunter2","kid":"hunter2","hunter2":hunter2}"#);
    for token in [&token, "hunter2", "hunter2.hunter2.hunter2"] {
        let error = ISSUER.verify(token).unwrap_err();
        assert!(!format!("{error} {error:?} {}", error.code()).contains("hunter2"), "{error:?}");
    }
    let genuine = ISSUER.token();
    let debug = format!("{:?}", Jws::parse(&genuine).unwrap());
    assert!(!debug.contains(genuine.rsplit_once('.').unwrap().1));
    assert!(!debug.contains("alice"));
}
