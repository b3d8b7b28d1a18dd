//! Texts that are nearly tokens, and signatures that are nearly signatures.

#![allow(clippy::unwrap_used, reason = "what a test can't prepare fails it")]

mod issuer;

use counterfoil_jose::{Algorithm, HmacKey, Jws, KeySet, Rejection, SignError, VerifyingKey, base64url, jws};

use issuer::ISSUER;

const SECRET: &[u8] = b"8f1d2a6c5b9e4f07a3d6c1e8b2f4907d5ac3e6f1b8092d4e7f6a1c3b5d8e9f02";

#[test]
fn only_the_compact_form_is_a_token() {
    let token = ISSUER.token();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let flat = format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    for odd in [
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
        assert_eq!(ISSUER.refusal(odd), "token_not_compact", "{odd}");
    }
    for odd in [
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
        assert_eq!(ISSUER.refusal(&odd), "token_not_base64url", "{odd}");
    }
}

/// The same bytes, written with a spare bit set.
fn with_a_spare_bit(segment: &str) -> Option<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (front, last) = segment.split_at(segment.len() - 1);
    let value = ALPHABET.find(last)?;
    (!segment.len().is_multiple_of(4)).then(|| format!("{front}{}", &ALPHABET[value + 1..value + 2]))
}

#[test]
fn a_segment_has_only_its_canonical_text() {
    // A payload of 16 and a header of 28 bytes, so that every segment has spare bits.
    let key = VerifyingKey::from_secret(Algorithm::Hs256, "k", SECRET).unwrap();
    let keys = KeySet::new([key]).unwrap();
    let header = r#"{"alg":"HS256","typ":"JWT" }"#;
    let signed = format!("{}.{}", base64url::encode(header), base64url::encode([b'x'; 16]));
    let token = format!("{signed}.{}", base64url::encode(HmacKey::new(SECRET).tag(&[signed.as_bytes()])));
    let judge = |token: &str| jws::verify(token, &keys, &[Algorithm::Hs256], &["JWT"]);
    assert!(judge(&token).is_ok());

    let segments: Vec<&str> = token.split('.').collect();
    for place in 0..3 {
        for odd in [with_a_spare_bit(segments[place]).unwrap(), format!("{}=", segments[place])] {
            let mut changed = segments.clone();
            changed[place] = &odd;
            // Signed anew, so that only the spelling is wrong.
            let signed = changed[..2].join(".");
            let tag = base64url::encode(HmacKey::new(SECRET).tag(&[signed.as_bytes()]));
            let token = if place == 2 { changed.join(".") } else { format!("{signed}.{tag}") };
            assert_eq!(judge(&token).unwrap_err(), Rejection::NotBase64url, "{token}");
        }
    }
}

#[test]
fn a_long_token_is_refused_before_it_is_looked_at() {
    for huge in
        [".".repeat(10_000_000), "a".repeat(8 * 1024 + 1), format!("{}{}", ISSUER.token(), "A".repeat(8192))]
    {
        assert_eq!(ISSUER.refusal(&huge), "token_too_long");
    }
    assert_eq!(ISSUER.refusal(&".".repeat(8 * 1024)), "token_not_compact");
    let deep = ISSUER.header_with(&format!(r#","x":{}{}"#, "[".repeat(1000), "]".repeat(1000)));
    assert_eq!(ISSUER.refusal(&ISSUER.signed(deep)), "token_bad_header");
}

#[test]
fn what_is_signed_can_be_verified() {
    assert_eq!(ISSUER.key.sign("at+jwt", &[b' '; 8192]), Err(SignError::TooLong));
    let longest = ISSUER.key.sign("at+jwt", &[b' '; 5900]).unwrap();
    assert!(ISSUER.judge(&longest).is_ok());
}

#[test]
fn an_encrypted_token_is_no_signed_one() {
    let header = base64url::encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    assert_eq!(ISSUER.refusal(&format!("{header}.AAAA.AAAA.AAAA.AAAA")), "token_not_compact");
    let bomb = r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AAAA"}"#;
    assert_eq!(ISSUER.refusal(&ISSUER.signed(bomb)), "token_alg_not_allowed");
}

#[test]
fn nothing_of_a_payload_is_read_before_its_signature() {
    let token = ISSUER.token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    for payload in ["{\"sub\":\"admin\"}", "not json", "", "\u{0}"] {
        let payload = if payload.is_empty() { "AA".to_owned() } else { base64url::encode(payload) };
        assert_eq!(ISSUER.refusal(&format!("{header}.{payload}.{signature}")), "token_bad_signature");
    }
}

#[test]
fn an_ecdsa_signature_has_64_bytes_of_two_numbers_in_range() {
    let order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
    let n: Vec<u8> = (0..64).step_by(2).map(|i| u8::from_str_radix(&order[i..i + 2], 16).unwrap()).collect();
    let token = ISSUER.token();
    let (signed, genuine) = token.rsplit_once('.').unwrap();
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
    for odd in [
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
            ISSUER.refusal(&format!("{signed}.{}", base64url::encode(&odd))),
            "token_bad_signature",
            "{odd:?}"
        );
    }
}

#[test]
fn a_refusal_repeats_nothing_of_the_token() {
    let token = ISSUER.signed(r#"{"typ":"hunter2","alg":"hunter2","kid":"hunter2","hunter2":hunter2}"#);
    for token in [&token, "hunter2", "hunter2.hunter2.hunter2"] {
        let refused = ISSUER.judge(token).unwrap_err();
        assert!(!format!("{refused} {refused:?} {}", refused.code()).contains("hunter2"), "{refused:?}");
    }
    let genuine = ISSUER.token();
    let shown = format!("{:?}", Jws::parse(&genuine).unwrap());
    assert!(!shown.contains(genuine.rsplit_once('.').unwrap().1));
    assert!(!shown.contains("alice"));
}
