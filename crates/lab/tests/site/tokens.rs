//! The page that takes a token apart and verifies it.

use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey, base64url};

use crate::fixture::{Answer, Site};

#[test]
fn a_token_is_taken_apart_and_its_texts_are_escaped() {
    let site = Site::start();
    assert!(site.get("/lab/token").body.contains("<textarea id=\"token\""));
    // {"alg":"none"} and {"sub":"<script>","exp":1}
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI8c2NyaXB0PiIsImV4cCI6MX0.AAAA";
    // Its script decodes what is pasted, and could send it nowhere.
    let head = site.get("/lab/token").head;
    let policy = head.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert!(!policy.contains("connect-src") && policy.contains("form-action 'self'"), "{policy}");

    let shown = site.post("/lab/token", &format!("token=++{token}%0D%0A"));

    assert_eq!(shown.status, 200);
    assert!(shown.head.contains("cache-control: no-store"));
    for text in [
        "alg none",
        "<li><span class=\"tick\" aria-hidden=\"true\">!</span><span>expired",
        "1970-01-01 00:00 UTC",
        "&lt;script&gt;",
        "3 bytes",
    ] {
        assert!(shown.body.contains(text), "{text}: {shown:?}");
    }
    assert!(!shown.body.contains("<script>"));
    // As a header is copied, and as RFC 7519 writes an unsigned token.
    for text in [format!("Authorization%3A+Bearer+{token}"), token.replace("AAAA", "")] {
        let shown = site.post("/lab/token", &format!("token={text}"));
        assert_eq!(shown.status, 200, "{shown:?}");
        for text in
            ["alg none", "&lt;script&gt;", "The signature was not checked: the token is unsigned (alg none)"]
        {
            assert!(shown.body.contains(text), "{text}: {shown:?}");
        }
    }
    let secret = "B".repeat(42) + "A";
    let session = site.post("/lab/token", &format!("token=cfs_AAAAAAAAAAAAAAAAAAAAAA.{secret}"));
    assert!(session.body.contains("A session token") && !session.body.contains(&secret), "{session:?}");
}

/// The access tokens in the trace of a lab, in the order in which they were sent.
fn tokens_of(site: &Site, lab: &str) -> Vec<String> {
    let trace = site.get(&format!("{lab}/trace.json")).body;
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    let tokens =
        trace.match_indices("eyJ").map(|(at, _)| trace[at..].split(is_end).next().unwrap().to_owned());
    // The payload begins alike.
    tokens.filter(|token| token.matches('.').count() == 2).collect()
}

/// The text as the value of a field.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The page about a token, checked with the keys of the other fields.
fn checked(site: &Site, token: &str, keys: &[(&str, &str)]) -> Answer {
    let keys: String = keys.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
    site.post("/lab/token", &format!("token={token}{keys}"))
}

/// The token with another payload.
fn forged(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], base64url::encode(r#"{"sub":"root"}"#), parts[2])
}

#[test]
fn a_token_of_a_lab_is_verified_with_its_keys_and_its_revocations() {
    let site = Site::start();
    let lab = site.make();
    let token = &tokens_of(&site, &lab)[0];

    let valid = checked(&site, token, &[]);
    assert_eq!(valid.status, 200);
    for text in [
        "Signature: valid",
        "the lab in which &quot;Log in&quot; was played",
        "(ES256) has signed exactly these bytes",
        "Its issuer accepts it now",
        "Nothing was found in the header and the claims",
    ] {
        assert!(valid.body.contains(text), "{text}: {valid:?}");
    }
    let invalid = checked(&site, &forged(token), &[]).body;
    assert!(invalid.contains("Signature: not valid") && invalid.contains("Believe none"), "{invalid}");
    assert!(!invalid.contains("Its issuer"), "{invalid}");

    // The sandbox of the act has other keys.
    assert_eq!(site.post(&format!("{lab}/act"), "act=revoke-key").status, 303);
    let unknown = checked(&site, token, &[]).body;
    assert!(
        unknown.contains("Signature: not checked") && unknown.contains("names no key of a lab"),
        "{unknown}"
    );
    site.post(&format!("{lab}/act"), "act=logout");
    let ended = checked(&site, &tokens_of(&site, &lab)[0], &[]).body;
    assert!(ended.contains("Signature: valid") && ended.contains("Its issuer rejects it now: "), "{ended}");
}

#[test]
fn a_token_is_verified_with_a_key_set_or_a_secret_of_the_form() {
    let site = Site::start();
    let [key, other] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
    let set = |key: &SigningKey| JwkSet::from_key_set(&KeySet::new([key.verifying_key()]).unwrap()).to_json();
    let token = key.sign("at+jwt", br#"{"sub":"ada"}"#).unwrap();
    let secret = "0123456789abcdef0123456789abcde+";
    let shared = SigningKey::from_secret_bytes(Algorithm::Hs256, secret.as_bytes()).unwrap();
    let shared = shared.sign("at+jwt", br#"{"sub":"ada"}"#).unwrap();

    for (token, field, keys, text) in [
        (&token, "jwks", set(&key), "Signature: valid"),
        (&token, "jwks", set(&key), "Checked with: the key set of the form"),
        (&forged(&token), "jwks", set(&key), "Signature: not valid"),
        (&token, "jwks", set(&other), "the token names the key"),
        (&token, "secret", secret.to_owned(), "signs with a private key"),
        (&shared, "secret", secret.to_owned(), "can also sign with it, for every user"),
        (&shared, "secret", "x".repeat(32), "not decoded from base64"),
        (&shared, "jwks", set(&key), "RFC 8725"),
        (&shared, "secret", key.verifying_key().to_pem().unwrap(), "must be random bytes"),
    ] {
        let page = checked(&site, token, &[(field, &keys)]);
        assert_eq!(page.status, 200, "{text}: {page:?}");
        assert!(page.body.contains(text), "{text}: {page:?}");
        assert!(!page.body.contains(secret) && !page.body.contains("&quot;kty&quot;"), "{page:?}");
    }
}

#[test]
fn keys_that_are_none_and_forms_that_are_too_large_are_refused_and_not_repeated() {
    let site = Site::start();
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.AAAA";
    let private = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"hunter2"}]}"#;
    let nested = format!("{{\"keys\":{}", "[".repeat(20_000));
    let (set, long) = (format!("{{\"keys\":[{}]}}", "7,".repeat(33_000)), "x".repeat(1025));
    for (keys, text) in [
        (&[("jwks", "hunter2")][..], "not a key set in JSON"),
        (&[("jwks", "<script>hunter2")], "not a key set in JSON"),
        (&[("jwks", &nested)], "not a key set in JSON"),
        (&[("jwks", private)], "a private key or a secret"),
        (&[("jwks", "{\"keys\":[]}")], "no public key"),
        (&[("jwks", &set)], "more than 64 KiB"),
        (&[("secret", &long)], "more than 1024 bytes"),
        (&[("jwks", private), ("secret", "hunter2")], "not both"),
    ] {
        let page = checked(&site, token, keys);
        assert_eq!(page.status, 422, "{text}: {page:?}");
        assert!(page.body.contains("<title>Error: ") && page.body.contains(text), "{text}: {page:?}");
        assert!(page.body.contains("Signature: not checked"), "{page:?}");
        assert!(!page.body.contains("hunter2") && !page.body.contains("xxxx"), "{page:?}");
    }
    // The reason is at the field.
    let both = checked(&site, token, &[("jwks", private), ("secret", "hunter2")]).body;
    let set = checked(&site, token, &[("jwks", private)]).body;
    for (page, field, is_wrong) in
        [(&both, "jwks", true), (&both, "secret", true), (&set, "jwks", true), (&set, "secret", false)]
    {
        let described = format!("aria-describedby=\"wrong-{field} keys-hint\" aria-invalid=\"true\"");
        assert_eq!(page.contains(&described), is_wrong, "{field}: {page}");
        assert_eq!(page.contains(&format!("<p id=\"wrong-{field}\"")), is_wrong, "{field}: {page}");
    }
    assert_eq!(checked(&site, token, &[("jwks", &"x".repeat(80 * 1024))]).status, 413);
    assert_eq!(site.post("/lab/token", &format!("token={token}&token=x")).status, 422);
}

#[test]
fn a_text_that_is_no_token_is_refused_with_what_to_do() {
    let site = Site::start();
    let malformed = site.post("/lab/token", "token=%3Cb%3Ehello");
    assert_eq!(malformed.status, 422);
    assert!(malformed.body.contains("a token begins with cfs_, cfr_ or eyJ"), "{malformed:?}");
    assert!(!malformed.body.contains("hello"));
    assert_eq!(site.post("/lab/token", "").status, 422);
    let empty = site.post("/lab/token", "token=+%0D%0A");
    assert_eq!(empty.status, 422);
    assert!(empty.body.contains("there is no token: the text is empty"), "{empty:?}");
    for (text, limit) in
        [("x".repeat(8 * 1024), 422), ("x".repeat(200 * 1024), 422), ("x".repeat(240 * 1024), 413)]
    {
        let long = site.post("/lab/token", &format!("token={text}"));
        assert_eq!(long.status, limit);
        assert!(long.body.contains("at most 8 KiB"), "{long:?}");
    }
    let cut_off = site.post("/lab/token", "token=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ");
    assert!(cut_off.body.contains("the token must have exactly three non-empty segments"), "{cut_off:?}");
    let other_site = [("origin", "https://attacker.example")];
    assert_eq!(site.send("POST", "/lab/token", &other_site, "token=eyJ").status, 403);
}
