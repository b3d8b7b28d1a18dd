//! Headers written by an attacker, and the error for each.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

mod issuer;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use counterfoil_jose::{Algorithm, HmacKey, JwkSet, Jws, JwsError, KeySet, SigningKey, base64url, jws};

use issuer::{ACCESS, CLAIMS, ES256, ISSUER, signed_by};

#[test]
fn an_algorithm_that_is_not_listed_is_rejected_before_key_selection() {
    let token = ISSUER.signed(r#"{"typ":"at+jwt","alg":"ES256","kid":"unknown"}"#);
    let jws = Jws::parse(&token).unwrap();

    let error = jws.verify(&ISSUER.keys(), &[Algorithm::Ed25519], ACCESS).unwrap_err();
    assert_eq!(error, JwsError::AlgorithmNotAllowed);
    assert_eq!(jws.verify(&ISSUER.keys(), &[], ACCESS).unwrap_err(), JwsError::AlgorithmNotAllowed);
    assert!(jws.verify(&ISSUER.keys(), ES256, ACCESS).unwrap_err().is_unknown_key_id());
}

#[test]
fn alg_none_is_rejected_in_every_spelling() {
    for alg in [
        "none",
        "None",
        "NONE",
        "noNE",
        "nOnE",
        " none",
        "none ",
        "none\\u0000",
        "\\u006eone",
        "",
        "NoneES256",
    ] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{}"}}"#, ISSUER.key.kid());
        assert_eq!(ISSUER.error_code(&ISSUER.signed(&header)), "token_alg_not_allowed", "{alg}");
        let unsigned = format!("{}.{}.", base64url::encode(&header), base64url::encode(CLAIMS));
        assert_eq!(ISSUER.error_code(&unsigned), "token_not_compact", "{alg}");
    }
    for alg in ["null", "0", "1", "true", "[]", "[\"ES256\"]", "{}", "{\"ES256\":1}"] {
        let header = format!(r#"{{"typ":"at+jwt","alg":{alg},"kid":"{}"}}"#, ISSUER.key.kid());
        assert_eq!(ISSUER.error_code(&ISSUER.signed(header)), "token_bad_header", "{alg}");
    }
    assert_eq!(ISSUER.error_code(&ISSUER.signed(r#"{"typ":"at+jwt"}"#)), "token_bad_header");
}

#[test]
fn algorithm_names_are_case_sensitive() {
    for alg in ["es256", "Es256", "eS256", "ES256 ", "ES-256", "EdDSA", "ed25519"] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{}"}}"#, ISSUER.key.kid());
        assert_eq!(ISSUER.error_code(&ISSUER.signed(header)), "token_alg_not_allowed", "{alg}");
    }
}

#[test]
fn a_key_verifies_only_its_own_algorithm() {
    let other = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let keys = KeySet::new([ISSUER.key.verifying_key(), other.verifying_key()]).unwrap();
    for (alg, kid) in [("Ed25519", ISSUER.key.kid()), ("ES256", other.kid()), ("RS256", other.kid())] {
        let token = ISSUER.signed(format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{kid}"}}"#));
        let error = jws::verify(&token, &keys, &Algorithm::ALL, ACCESS).unwrap_err();
        assert_eq!(error, JwsError::AlgorithmMismatch, "{alg}");
    }
}

fn hs256(header: &str, secret: &[u8]) -> String {
    let signing_input = format!("{}.{}", base64url::encode(header), base64url::encode(CLAIMS));
    let mac = HmacKey::new(secret).mac(&[signing_input.as_bytes()]);
    format!("{signing_input}.{}", base64url::encode(mac))
}

/// The encodings of the public key that an attacker can try as a secret: `SubjectPublicKeyInfo` and the
/// point, as DER, PEM, base64 and JSON, with and without the last line break.
fn encodings_of_the_public_key() -> Vec<Vec<u8>> {
    let jwk = ISSUER.key.verifying_key().jwk().unwrap();
    let coordinate = |text: &Option<String>| base64url::decode(text.as_ref().unwrap()).unwrap();
    let point = [vec![4], coordinate(&jwk.x), coordinate(&jwk.y)].concat();
    let prefix = base64url::decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
    let der = [&prefix[..prefix.len() - 1], &point].concat();
    let lines: Vec<String> =
        STANDARD.encode(&der).as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let set = JwkSet::from_key_set(&ISSUER.keys()).to_json();
    let jwk = serde_json::to_string(&jwk).unwrap();
    let texts =
        [pem.trim_end(), &pem, &pem.replace('\n', "\r\n"), &lines.concat(), &jwk, &set, ISSUER.key.kid(), ""];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.extend([der, point]);
    all
}

#[test]
fn a_public_key_cannot_be_used_as_an_hmac_secret() {
    let header = format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{}"}}"#, ISSUER.key.kid());
    for secret in encodings_of_the_public_key() {
        let token = hs256(&header, &secret);
        assert_eq!(ISSUER.error_code(&token), "token_alg_not_allowed");
        // A verifier that lists all algorithms rejects it too.
        let error = jws::verify(&token, &ISSUER.keys(), &Algorithm::ALL, ACCESS).unwrap_err();
        assert_eq!(error, JwsError::AlgorithmMismatch);
    }
    let secret = SigningKey::generate(Algorithm::Hs256).unwrap().verifying_key();
    assert!(KeySet::new([secret, ISSUER.key.verifying_key()]).is_err());
}

#[test]
fn keys_in_the_header_are_ignored() {
    let attacker = SigningKey::generate(Algorithm::Es256).unwrap();
    let jwk = serde_json::to_string(&attacker.verifying_key().jwk()).unwrap();
    for members in [
        format!(r#","jwk":{jwk}"#),
        r#","jku":"http://127.0.0.1:1/jwks.json""#.to_owned(),
        r#","x5u":"file:///etc/passwd","x5c":["MIIB"],"x5t":"AAAA","x5t#S256":"AAAA""#.to_owned(),
        r#","jwk":null,"jku":{},"x5c":0,"cty":"JWT","nonce":"n","zip":"DEF""#.to_owned(),
    ] {
        let header = ISSUER.header_with(&members);
        // With the attacker's signature the token is rejected. With the issuer's it is accepted: the members
        // are ignored.
        let forged = signed_by(&attacker, &header);
        assert_eq!(ISSUER.error_code(&forged), "token_bad_signature");
        assert!(ISSUER.verify(&ISSUER.signed(&header)).is_ok(), "{header}");
    }
}

#[test]
fn a_kid_is_only_compared() {
    for kid in [
        "../../../../dev/null",
        "/dev/null",
        "file:///etc/passwd",
        "' OR 1=1--",
        "x' UNION SELECT 'key'--",
        "\\u0000",
        "key\\u0000",
        "$(id)",
        "`id`",
        "| id",
        "http://127.0.0.1:1/",
        "%00",
        "*",
        "\\n",
        "\\ud83d\\ude00",
        " ",
    ] {
        let token = ISSUER.signed(format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#));
        assert_eq!(ISSUER.error_code(&token), "token_unknown_kid", "{kid}");
    }
    let known = ISSUER.key.kid();
    for kid in [known.to_lowercase(), format!("{known} "), format!("{known}\\u0000"), known[..42].to_owned()]
    {
        let token = ISSUER.signed(format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#));
        assert_eq!(ISSUER.error_code(&token), "token_unknown_kid", "{kid}");
    }
    for kid in [String::new(), "a".repeat(129)] {
        let token = ISSUER.signed(format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#));
        assert_eq!(ISSUER.error_code(&token), "token_bad_kid");
    }
    for kid in ["null", "0", "[]", "{}", "true"] {
        let token = ISSUER.signed(format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":{kid}}}"#));
        assert_eq!(ISSUER.error_code(&token), "token_bad_header");
    }
}

#[test]
fn a_token_without_kid_is_accepted_only_if_the_set_has_one_key() {
    let token = ISSUER.signed(r#"{"typ":"at+jwt","alg":"ES256"}"#);
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let two = KeySet::new([ISSUER.key.verifying_key(), other.verifying_key()]).unwrap();

    assert!(ISSUER.verify(&token).is_ok());
    assert_eq!(jws::verify(&token, &two, ES256, ACCESS).unwrap_err(), JwsError::MissingKeyId);
    assert_eq!(jws::verify(&token, &KeySet::default(), ES256, ACCESS).unwrap_err(), JwsError::MissingKeyId);
}

#[test]
fn every_crit_is_rejected() {
    for crit in [
        r#"["x"]"#,
        r#"["exp"]"#,
        r#"["b64"]"#,
        r#"["alg"]"#,
        r#"["absent"]"#,
        "[]",
        "null",
        "\"exp\"",
        "0",
        "{}",
        "[1]",
        r#"["x","x"]"#,
        "false",
    ] {
        let token = ISSUER.signed(ISSUER.header_with(&format!(r#","crit":{crit},"x":1,"exp":1"#)));
        assert_eq!(ISSUER.error_code(&token), "token_crit", "{crit}");
    }
}

#[test]
fn every_b64_is_rejected() {
    for b64 in ["false", "true", "null", "0", "\"\""] {
        let token = ISSUER.signed(ISSUER.header_with(&format!(r#","b64":{b64}"#)));
        assert_eq!(ISSUER.error_code(&token), "token_b64", "{b64}");
    }
}

#[test]
fn the_header_must_be_a_json_object_in_utf_8() {
    let valid = ISSUER.header_with("");
    let utf16: Vec<u8> = valid.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_bom = [b"\xEF\xBB\xBF", valid.as_bytes()].concat();
    let with_control_character = valid.replace("at+jwt", "at\u{1}jwt");
    let latin1 = valid.bytes().map(|byte| if byte == b'+' { 0xE9 } else { byte }).collect();
    let invalid: [Vec<u8>; 14] = [
        utf16,
        with_bom,
        with_control_character.into_bytes(),
        latin1,
        b"[]".to_vec(),
        b"null".to_vec(),
        b"1".to_vec(),
        b"\"ES256\"".to_vec(),
        b"{".to_vec(),
        b"{}{}".to_vec(),
        b" ".to_vec(),
        format!(r#"["ES256","{}","at+jwt"]"#, ISSUER.key.kid()).into_bytes(),
        format!("{valid}x").into_bytes(),
        valid.replace('"', "'").into_bytes(),
    ];
    for header in invalid {
        assert_eq!(
            ISSUER.error_code(&ISSUER.signed(&header)),
            "token_bad_header",
            "{}",
            header.escape_ascii()
        );
    }
}

#[test]
fn duplicate_members_are_rejected() {
    for duplicate in [
        r#","alg":"ES256""#,
        r#","alg":"none""#,
        r#","\u0061lg":"none""#,
        r#","typ":"JWT""#,
        r#","kid":"x""#,
        r#","x":1,"x":1"#,
        r#","x":{"y":1,"y":2}"#,
    ] {
        let token = ISSUER.signed(ISSUER.header_with(duplicate));
        assert_eq!(ISSUER.error_code(&token), "token_bad_header", "{duplicate}");
    }
}

#[test]
fn a_token_with_another_typ_is_rejected() {
    for typ in [
        "JWT",
        "jwt",
        "id+jwt",
        "at+jwt ",
        "at+jwtx",
        "t+jwt",
        "text/at+jwt",
        "application/x/at+jwt",
        "",
        "logout+jwt",
    ] {
        let token = ISSUER.signed(format!(r#"{{"typ":"{typ}","alg":"ES256","kid":"{}"}}"#, ISSUER.key.kid()));
        assert_eq!(ISSUER.error_code(&token), "token_wrong_typ", "{typ}");
    }
    let untyped = ISSUER.signed(format!(r#"{{"alg":"ES256","kid":"{}"}}"#, ISSUER.key.kid()));
    assert_eq!(ISSUER.error_code(&untyped), "token_wrong_typ");
    assert_eq!(jws::verify(&ISSUER.token(), &ISSUER.keys(), ES256, &[]).unwrap_err(), JwsError::WrongTyp);

    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        let token = ISSUER.signed(format!(r#"{{"typ":"{typ}","alg":"ES256","kid":"{}"}}"#, ISSUER.key.kid()));
        assert!(ISSUER.verify(&token).is_ok(), "{typ}");
        assert!(jws::verify(&token, &ISSUER.keys(), ES256, &["application/at+jwt"]).is_ok(), "{typ}");
    }

    // The prefix may be omitted only if no other slash follows.
    let nested = ISSUER.signed(ISSUER.header_with("").replace("at+jwt", "application/text/at+jwt"));
    let error = jws::verify(&nested, &ISSUER.keys(), ES256, &["text/at+jwt"]).unwrap_err();
    assert_eq!(error, JwsError::WrongTyp);
}
