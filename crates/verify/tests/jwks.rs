//! Following the keys of an issuer that runs elsewhere: found, fetched, kept, closed.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod issuer_server;
mod test_issuer;

use std::time::Duration;

use serde_json::json;

use counterfoil_jose::{Algorithm, base64url};
use counterfoil_verify::{
    AuthError, FetchError, JwksOptions, JwksUrlError, RemoteVerifier, RemoteVerifierError, TokenVerifier,
};

use issuer_server::{Answer, Issuer, KEYS, METADATA, OPENID, Told, by, published};
use test_issuer::{ALICE, Mint, NOON, NOON_SECONDS, SHOP, with};

/// What a key is fetched for in these tests, unless the issuer says otherwise.
const FRESH: Duration = Duration::from_secs(300);
const STALE: Duration = Duration::from_secs(3600);
const COOL_DOWN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_keys_are_found_by_the_metadata_of_the_issuer() {
    let mint = Mint::new();
    let issuer = Issuer::with_keys(&[&mint]).await;
    let verifier = issuer.follow(&Told::noon());

    let principal = verifier.verify(&issuer.token(&mint)).await.unwrap();

    assert_eq!(principal.user_id(), Some(ALICE));
    assert_eq!((issuer.hits(METADATA), issuer.hits(KEYS)), (1, 1));
    let status = verifier.refresher().status();
    assert_eq!((status.keys, status.fetches, status.consecutive_failures), (1, 1, 0));
    assert_eq!(status.valid_until, Some(NOON + FRESH + STALE));
}

#[tokio::test]
async fn an_issuer_that_knows_openid_connect_alone_is_found_too() {
    let mint = Mint::new();
    let issuer = Issuer::open().await;
    issuer.answer(OPENID, Answer::json(&issuer.metadata(&issuer.base)));
    issuer.publish(&[&mint]);

    assert!(issuer.follow(&Told::noon()).verify(&issuer.token(&mint)).await.is_ok());
}

#[tokio::test]
async fn a_key_set_that_is_named_needs_no_metadata() {
    let mint = Mint::new();
    let issuer = Issuer::open().await;
    issuer.publish(&[&mint]);
    let follow = JwksOptions::from_url(&format!("{}{KEYS}", issuer.base)).unwrap();
    let verifier = RemoteVerifier::start(issuer.tokens(), by(&Told::noon(), follow)).unwrap();

    assert!(verifier.verify(&issuer.token(&mint)).await.is_ok());
    assert_eq!(issuer.hits(METADATA), 0);
}

#[tokio::test]
async fn metadata_that_names_another_issuer_opens_nothing() {
    let mint = Mint::new();
    for other in ["https://auth.example", "", "slash"] {
        let issuer = Issuer::with_keys(&[&mint]).await;
        let named = if other == "slash" { format!("{}/", issuer.base) } else { other.to_owned() };
        issuer.answer(METADATA, Answer::json(&issuer.metadata(&named)));
        let verifier = issuer.follow(&Told::noon());

        assert_eq!(verifier.verify(&issuer.token(&mint)).await, Err(AuthError::Unavailable), "{named}");

        let error = verifier.refresher().status().last_error.unwrap();
        assert!(matches!(*error, FetchError::IssuerMismatch), "{error}");
        assert_eq!(issuer.hits(KEYS), 0);
    }
}

/// V25: CVE-2026-102267 followed it.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mint = Mint::new();
    let canary = Issuer::with_keys(&[&mint]).await;
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 P"] {
        let issuer = Issuer::with_keys(&[]).await;
        let location = format!("location: {}{KEYS}", canary.base);
        issuer.answer(KEYS, Answer::with(status, &[&location, "content-type: application/json"], ""));

        let verifier = issuer.follow(&Told::noon());

        assert_eq!(verifier.verify(&issuer.token(&mint)).await, Err(AuthError::Unavailable), "{status}");
        let error = verifier.refresher().status().last_error.unwrap();
        assert!(matches!(*error, FetchError::Redirect(_)), "{error}");
    }
    assert_eq!(canary.hits(KEYS), 0);
}

/// Answers that are no key set, each by its name. All hold the right keys where they hold any.
fn bad_answers(mint: &Mint) -> Vec<(&'static str, Answer)> {
    let (keys, json) = (published(&[mint]), "content-type: application/json");
    let jwk = keys.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}").to_owned();
    let head = format!("HTTP/1.1 200 OK\r\n{json}\r\n");
    let unlike: Vec<String> = (0..101).map(|n| jwk.replace(mint.key.kid(), &format!("k{n}"))).collect();
    vec![
        ("an error with keys", Answer::with("500 Internal Server Error", &[json], &keys)),
        ("another success", Answer::with("206 Partial Content", &[json], &keys)),
        ("a page", Answer::with("200 OK", &["content-type: text/html"], &keys)),
        ("no type", Answer::with("200 OK", &[], &keys)),
        ("no JSON", Answer::with("200 OK", &[json], "not found")),
        ("no object", Answer::with("200 OK", &[json], &format!("[{jwk}]"))),
        ("no keys", Answer::with("200 OK", &[json], &jwk)),
        ("two sets", Answer::with("200 OK", &[json], &keys.replace('}', "},").replacen("},", "}", 1))),
        ("a member twice", Answer::with("200 OK", &[json], &format!(r#"{{"keys":[],"keys":[{jwk}]}}"#))),
        ("a byte order mark", Answer::with("200 OK", &[json], &format!("\u{feff}{keys}"))),
        ("too deep", Answer::with("200 OK", &[json], &format!(r#"{{"x":{},"keys":[]}}"#, "[".repeat(9999)))),
        ("too long", Answer::with("200 OK", &[json], &format!("{}{keys}", " ".repeat(300_000)))),
        ("too many keys", Answer::with("200 OK", &[json], &format!(r#"{{"keys":[{}]}}"#, unlike.join(",")))),
        ("a huge head", Answer::with("200 OK", &[json, &format!("x: {}", "x".repeat(100_000))], &keys)),
        ("no end", Answer::Endless(format!("{head}\r\n{keys}").into())),
        (
            "a length that it has not",
            Answer::Bytes(format!("{head}content-length: 9999\r\n\r\n{keys}").into()),
        ),
        (
            "a bad chunk",
            Answer::Bytes(format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{keys}").into()),
        ),
        ("no HTTP", Answer::Bytes(keys.clone().into())),
        ("nothing", Answer::Bytes(Vec::new())),
        ("silence", Answer::AndStall(Vec::new())),
        ("half a head", Answer::AndStall(b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec())),
        ("half a body", Answer::AndStall(format!("{head}content-length: 9999\r\n\r\n{keys}").into())),
        ("a drip", Answer::Drip(format!("{head}content-length: {}\r\n\r\n{keys}", keys.len()).into())),
    ]
}

/// R42: whatever goes wrong, nobody is let in, and nobody waits for long.
#[tokio::test]
async fn what_is_no_key_set_lets_nobody_in() {
    let mint = Mint::new();
    let bad = bad_answers(&mint);
    let count = bad.len();
    let mut judging = tokio::task::JoinSet::new();
    for (name, answer) in bad {
        let issuer = Issuer::with_keys(&[]).await;
        let token = issuer.token(&mint);
        issuer.answer(KEYS, answer);
        let verifier = issuer.follow(&Told::noon());
        judging.spawn(async move {
            let judged = tokio::time::timeout(Duration::from_secs(4), verifier.verify(&token)).await;
            assert_eq!(judged, Ok(Err(AuthError::Unavailable)), "{name}");
            assert!(verifier.wait_for_first_fetch().await.last_error.is_some(), "{name}");
            drop(issuer);
        });
    }
    assert_eq!(judging.join_all().await.len(), count);
    println!("{count} bad answers");
}

/// The same answers after good ones: the keys that are there stay.
#[tokio::test]
async fn keys_stay_when_they_cannot_be_fetched_anew() {
    let (mint, stranger) = (Mint::new(), Mint::new());
    let mut judging = tokio::task::JoinSet::new();
    for (name, answer) in bad_answers(&stranger) {
        let issuer = Issuer::with_keys(&[&mint]).await;
        let (ours, theirs) = (issuer.token(&mint), issuer.token(&stranger));
        let verifier = issuer.follow(&Told::noon());
        assert!(verifier.verify(&ours).await.is_ok());
        issuer.answer(KEYS, answer);
        judging.spawn(async move {
            // Nobody knows what the issuer's keys are now: that is no verdict about the token.
            assert_eq!(verifier.verify(&theirs).await, Err(AuthError::Unavailable), "{name}");
            assert!(verifier.verify(&ours).await.is_ok(), "{name}");
            drop(issuer);
        });
    }
    judging.join_all().await;
}

/// F18: until the stale limit, then closed; open again as soon as the issuer is back.
#[tokio::test]
async fn keys_that_cannot_be_fetched_anew_are_believed_until_their_limit() {
    let (clock, mint) = (Told::noon(), Mint::new());
    let issuer = Issuer::with_keys(&[&mint]).await;
    // A token of a day, so that only the keys can be too old.
    let long = issuer.tokens().max_lifetime(Duration::from_secs(86_400));
    let verifier = RemoteVerifier::start(long, by(&clock, JwksOptions::from_discovery())).unwrap();
    let mut claims = with("iss", json!(issuer.base));
    claims["exp"] = json!(NOON_SECONDS + 86_400);
    let token = mint.sign(&claims);
    assert!(verifier.verify(&token).await.is_ok());
    issuer.answer(KEYS, Answer::AndStall(Vec::new()));
    issuer.answer(METADATA, Answer::AndStall(Vec::new()));

    clock.advance(FRESH + STALE - Duration::from_millis(1));
    assert!(verifier.verify(&token).await.is_ok());
    clock.advance(Duration::from_millis(1));
    assert_eq!(verifier.verify(&token).await, Err(AuthError::Unavailable));
    assert!(!verifier.refresher().status().is_ready(clock.now()));
    while verifier.refresher().status().consecutive_failures == 0 {
        tokio::task::yield_now().await;
    }

    issuer.answer(METADATA, Answer::json(&issuer.metadata(&issuer.base)));
    issuer.publish(&[&mint]);
    clock.advance(Duration::from_secs(1));
    assert!(verifier.verify(&token).await.is_ok());
    assert!(verifier.refresher().status().is_ready(clock.now()));
}

/// R9: a flood of tokens, each with a key of its own.
#[tokio::test]
async fn a_flood_of_unknown_keys_causes_one_fetch_in_a_cool_down() {
    let (clock, mint) = (Told::noon(), Mint::new());
    let issuer = Issuer::with_keys(&[&mint]).await;
    let verifier = issuer.follow(&clock);
    verifier.wait_for_first_fetch().await;
    let header = |kid: u32| json!({ "alg": "ES256", "typ": "at+jwt", "kid": format!("kid-{kid}") });
    let forged = |kid: u32| {
        let header = base64url::encode(header(kid).to_string());
        format!("{header}.{}.{}", base64url::encode("{}"), "A".repeat(86))
    };

    for round in 1..=3 {
        let mut flood = tokio::task::JoinSet::new();
        for kid in 0..2_000 {
            let (verifier, token) = (verifier.clone(), forged(kid));
            flood.spawn(async move { verifier.verify(&token).await.unwrap_err() });
        }
        for denied in flood.join_all().await {
            // Those for whom there was no place to wait are told to come again.
            assert!(denied.is_unknown_key() || denied == AuthError::Unavailable, "{denied:?}");
        }
        assert_eq!(issuer.hits(KEYS), 1 + round);
        assert!(verifier.verify(&issuer.token(&mint)).await.is_ok());
        clock.advance(COOL_DOWN);
    }
    assert_eq!(issuer.hits(METADATA), 1);
}

/// R1, V26: what cannot be right is refused before anybody is asked.
#[tokio::test]
async fn nobody_is_asked_for_the_key_of_a_token_that_could_not_be_good() {
    let mint = Mint::new();
    let issuer = Issuer::with_keys(&[&mint]).await;
    let canary = Issuer::with_keys(&[&mint]).await;
    let verifier = issuer.follow(&Told::noon());
    verifier.wait_for_first_fetch().await;
    let url = format!("{}{KEYS}", canary.base);
    for header in [
        json!({ "alg": "none", "typ": "at+jwt", "kid": "x" }),
        json!({ "alg": "HS256", "typ": "at+jwt", "kid": "x" }),
        json!({ "alg": "ES256", "typ": "JWT", "kid": "x" }),
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": "x".repeat(200) }),
        json!({ "alg": "ES256", "typ": "at+jwt", "jku": url, "x5u": url }),
    ] {
        let token = format!(
            "{}.{}.{}",
            base64url::encode(header.to_string()),
            base64url::encode(json!({ "iss": canary.base }).to_string()),
            "A".repeat(86)
        );
        assert!(matches!(verifier.verify(&token).await, Err(AuthError::InvalidCredential(_))), "{header}");
    }
    assert_eq!((issuer.hits(KEYS), canary.hits(KEYS), canary.hits(METADATA)), (1, 0, 0));
}

#[tokio::test]
async fn a_new_key_is_fetched_once_for_all_who_show_it() {
    let (old, new) = (Mint::new(), Mint::new());
    let issuer = Issuer::with_keys(&[&old]).await;
    let verifier = issuer.follow(&Told::noon());
    assert!(verifier.verify(&issuer.token(&old)).await.is_ok());
    issuer.publish(&[&old, &new]);
    let token = issuer.token(&new);

    let mut all = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (verifier, token) = (verifier.clone(), token.clone());
        all.spawn(async move { verifier.verify(&token).await.is_ok() });
    }

    assert!(all.join_all().await.into_iter().all(|is_good| is_good));
    assert_eq!(issuer.hits(KEYS), 2);
}

#[tokio::test]
async fn one_rotation_after_the_other_is_followed_at_once() {
    let (issuer, clock) = (Issuer::with_keys(&[]).await, Told::noon());
    let verifier = issuer.follow(&clock);
    verifier.wait_for_first_fetch().await;
    let mut mints = Vec::new();
    for round in 1..=20 {
        // Long before the cool-down is over, which a fetch in vain would begin.
        clock.advance(COOL_DOWN / 30);
        mints.push(Mint::new());
        issuer.publish(&mints.iter().collect::<Vec<_>>());

        for mint in &mints {
            assert!(verifier.verify(&issuer.token(mint)).await.is_ok(), "{round}");
        }
        assert_eq!(issuer.hits(KEYS), 1 + round);
    }
}

/// F17: a key that was taken out is refused after the next fetch, also in tokens that were remembered.
#[tokio::test]
async fn a_key_that_is_taken_out_verifies_nothing_more() {
    let (bad, good) = (Mint::new(), Mint::new());
    let issuer = Issuer::with_keys(&[&bad, &good]).await;
    let quick = Duration::from_millis(100);
    let began = std::time::Instant::now();
    let follow =
        JwksOptions::from_discovery().refresh_between(quick, quick).clock(move || NOON + began.elapsed());
    let verifier = RemoteVerifier::start(issuer.tokens(), follow).unwrap();
    let stolen = issuer.token(&bad);
    assert!(verifier.verify(&stolen).await.is_ok());

    issuer.publish(&[&good]);
    // A token of the other key does not make anybody look: the age of the set does.
    let (seen, asked) = (issuer.hits(KEYS), std::time::Instant::now());
    while issuer.hits(KEYS) < seen + 2 {
        assert!(asked.elapsed() < Duration::from_secs(5), "it is not fetched anew");
        assert!(verifier.verify(&issuer.token(&good)).await.is_ok());
        tokio::task::yield_now().await;
    }

    assert!(verifier.verify(&stolen).await.unwrap_err().is_unknown_key());
}

#[tokio::test]
async fn an_issuer_that_trusts_none_of_its_keys_is_believed() {
    let (clock, mint) = (Told::noon(), Mint::new());
    let issuer = Issuer::with_keys(&[&mint]).await;
    let verifier = issuer.follow(&clock);
    assert!(verifier.verify(&issuer.token(&mint)).await.is_ok());
    issuer.publish(&[]);

    // Somebody shows an unknown key, and so the set is fetched.
    assert!(verifier.verify(&issuer.token(&Mint::new())).await.unwrap_err().is_unknown_key());

    assert!(verifier.verify(&issuer.token(&mint)).await.unwrap_err().is_unknown_key());
    assert_eq!(verifier.refresher().status().keys, 0);
}

/// R5, R6, R38: what a set says wrongly of a key never makes it verify.
#[tokio::test]
async fn a_key_is_no_better_than_what_the_set_says_of_it() {
    let (mint, other) = (Mint::new(), Mint::new());
    let jwk = serde_json::to_value(mint.key.verifying_key().jwk().unwrap()).unwrap();
    let with = |name: &str, value: serde_json::Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk
    };
    let mut twin = serde_json::to_value(other.key.verifying_key().jwk().unwrap()).unwrap();
    twin["kid"] = json!(mint.key.kid());
    let unnamed =
        json!({ "kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"], "kid": jwk["kid"] });
    let secret = json!({ "kty": "oct", "k": base64url::encode([7; 32]), "kid": jwk["kid"], "alg": "HS256" });
    for (name, keys) in [
        ("two keys of one name", json!([jwk, twin])),
        ("two keys of one name, turned", json!([twin, jwk])),
        ("another algorithm", json!([with("alg", json!("RS256"))])),
        ("a secret's algorithm", json!([with("alg", json!("HS256"))])),
        ("none", json!([with("alg", json!("none"))])),
        ("for encryption", json!([with("use", json!("enc"))])),
        ("another type", json!([with("kty", json!("RSA"))])),
        ("another point", json!([with("y", jwk["x"].clone())])),
        ("no algorithm, of two that are allowed", json!([unnamed])),
        ("a secret", json!([secret])),
        ("no object", json!(["x", 5, null])),
    ] {
        let issuer = Issuer::with_keys(&[]).await;
        issuer.answer(KEYS, Answer::json(&json!({ "keys": keys }).to_string()));
        let verifier = issuer.follow(&Told::noon());

        let denied = verifier.verify(&issuer.token(&mint)).await.unwrap_err();

        assert!(denied.is_unknown_key(), "{name}: {denied:?}");
    }
}

#[tokio::test]
async fn a_key_without_algorithm_is_of_the_only_one_that_is_allowed() {
    let mint = Mint::new();
    let issuer = Issuer::with_keys(&[&mint]).await;
    issuer.answer(KEYS, Answer::json(&published(&[&mint]).replace(r#""alg":"ES256","#, "")));
    let tokens = TokenVerifier::builder(&issuer.base, SHOP, &[Algorithm::Es256]);
    let verifier = RemoteVerifier::start(tokens, by(&Told::noon(), JwksOptions::from_discovery())).unwrap();

    assert!(verifier.verify(&issuer.token(&mint)).await.is_ok());
}

#[tokio::test]
async fn what_could_never_work_is_told_at_the_start() {
    let start = |issuer: &str, algorithm| {
        let tokens = TokenVerifier::builder(issuer, SHOP, &[algorithm]);
        RemoteVerifier::start(tokens, JwksOptions::from_discovery()).unwrap_err()
    };

    let plain = start("http://auth.example", Algorithm::Es256);
    assert!(matches!(plain, RemoteVerifierError::Url(JwksUrlError::InsecureHttp)), "{plain}");
    let nowhere = start("auth.example", Algorithm::Es256);
    assert!(matches!(nowhere, RemoteVerifierError::Url(JwksUrlError::NotHttpUrl)), "{nowhere}");
    let secret = start("https://auth.example", Algorithm::Hs256);
    assert!(matches!(secret, RemoteVerifierError::SharedSecret), "{secret}");
}

#[test]
fn without_a_runtime_nothing_is_followed() {
    let tokens = TokenVerifier::builder("http://localhost:1", SHOP, &[Algorithm::Es256]);

    let refused = RemoteVerifier::start(tokens, JwksOptions::from_discovery()).unwrap_err();

    assert!(matches!(refused, RemoteVerifierError::NoRuntime), "{refused}");
}

#[tokio::test]
async fn the_last_follower_ends_the_task() {
    let mint = Mint::new();
    let issuer = Issuer::with_keys(&[&mint]).await;
    let quick = Duration::from_millis(20);
    let follow = by(&Told::noon(), JwksOptions::from_discovery()).refresh_between(quick, quick);
    let verifier = RemoteVerifier::start(issuer.tokens(), follow).unwrap();
    verifier.wait_for_first_fetch().await;
    drop(verifier.clone());
    assert!(verifier.verify(&issuer.token(&mint)).await.is_ok());

    let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    drop(verifier);
    while tokio::runtime::Handle::current().metrics().num_alive_tasks() >= alive {
        tokio::task::yield_now().await;
    }
}

/// Closed is 503 and says when to come back; nobody is told that their token is bad.
#[cfg(feature = "tower")]
#[tokio::test]
async fn a_service_without_keys_says_come_again() {
    use tower::{ServiceBuilder, ServiceExt as _, service_fn};

    let mint = Mint::new();
    let issuer = Issuer::open().await;
    let inner = service_fn(async |_: http::Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new("inside".to_owned()))
    });
    let verifier = issuer.follow(&Told::noon());
    let service = ServiceBuilder::new().layer(verifier.layer().require_authentication()).service(inner);
    let bearer = format!("Bearer {}", issuer.token(&mint));
    let request = http::Request::get("/").header("authorization", bearer).body(()).unwrap();

    let answer = service.oneshot(request).await.unwrap();

    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert!(answer.headers().get("www-authenticate").is_none() && answer.body() != "inside");
}
