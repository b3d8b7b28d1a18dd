//! Fetching the keys of a remote issuer: discovery, refresh, failures and limits.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod issuer_server;
mod test_signer;

use std::time::Duration;

use serde_json::json;

use counterfoil_jose::{Algorithm, base64url};
use counterfoil_verify::{
    AuthError, FetchError, HttpError, HttpUrlError, JwksOptions, RemoteVerifier, RemoteVerifierError,
    TokenVerifier,
};

use issuer_server::{
    IssuerServer, KEYS, METADATA, OPENID, ServerResponse, TestClock, key_set_json, with_test_clock,
};
use test_signer::{ALICE, NOON, NOON_SECONDS, SHOP, TestSigner, with};

/// How long keys are fresh in these tests.
const FRESH: Duration = Duration::from_secs(300);
const STALE: Duration = Duration::from_secs(3600);
const COOLDOWN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn keys_are_discovered_through_the_issuers_metadata() {
    let signer = TestSigner::new();
    let issuer = IssuerServer::with_keys(&[&signer]).await;
    let verifier = issuer.verifier(&TestClock::noon());

    let principal = verifier.verify(&issuer.token(&signer)).await.unwrap();

    assert_eq!(principal.user_id(), Some(ALICE));
    assert_eq!((issuer.request_count(METADATA), issuer.request_count(KEYS)), (1, 1));
    let status = verifier.refresher().status();
    assert_eq!((status.keys, status.fetches, status.consecutive_failures), (1, 1, 0));
    assert_eq!(status.valid_until, Some(NOON + FRESH + STALE));
}

#[tokio::test]
async fn keys_are_discovered_through_openid_connect_metadata() {
    let signer = TestSigner::new();
    let issuer = IssuerServer::start().await;
    issuer.respond(OPENID, ServerResponse::json(&issuer.metadata(&issuer.base)));
    issuer.publish(&[&signer]);

    assert!(issuer.verifier(&TestClock::noon()).verify(&issuer.token(&signer)).await.is_ok());
}

#[tokio::test]
async fn a_configured_key_set_url_needs_no_metadata() {
    let signer = TestSigner::new();
    let issuer = IssuerServer::start().await;
    issuer.publish(&[&signer]);
    let options = JwksOptions::from_url(&format!("{}{KEYS}", issuer.base)).unwrap();
    let verifier =
        RemoteVerifier::start(issuer.tokens(), with_test_clock(&TestClock::noon(), options)).unwrap();

    assert!(verifier.verify(&issuer.token(&signer)).await.is_ok());
    assert_eq!(issuer.request_count(METADATA), 0);
}

#[tokio::test]
async fn metadata_for_another_issuer_is_refused() {
    let signer = TestSigner::new();
    for other in ["https://auth.example", "", "slash"] {
        let issuer = IssuerServer::with_keys(&[&signer]).await;
        let named = if other == "slash" { format!("{}/", issuer.base) } else { other.to_owned() };
        issuer.respond(METADATA, ServerResponse::json(&issuer.metadata(&named)));
        let verifier = issuer.verifier(&TestClock::noon());

        assert_eq!(verifier.verify(&issuer.token(&signer)).await, Err(AuthError::Unavailable), "{named}");

        let error = verifier.refresher().status().last_error.unwrap();
        assert!(matches!(*error, FetchError::IssuerMismatch), "{error}");
        assert_eq!(issuer.request_count(KEYS), 0);
    }
}

/// V25: CVE-2026-102267 followed redirects.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let signer = TestSigner::new();
    let canary = IssuerServer::with_keys(&[&signer]).await;
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 P"] {
        let issuer = IssuerServer::with_keys(&[]).await;
        let location = format!("location: {}{KEYS}", canary.base);
        issuer
            .respond(KEYS, ServerResponse::with(status, &[&location, "content-type: application/json"], ""));

        let verifier = issuer.verifier(&TestClock::noon());

        assert_eq!(verifier.verify(&issuer.token(&signer)).await, Err(AuthError::Unavailable), "{status}");
        let error = verifier.refresher().status().last_error.unwrap();
        assert!(matches!(*error, FetchError::Http(HttpError::Redirect(_))), "{error}");
    }
    assert_eq!(canary.request_count(KEYS), 0);
}

/// Responses that are not a valid key set, each with a description. They contain the right keys if they
/// contain any.
fn invalid_key_sets(signer: &TestSigner) -> Vec<(&'static str, ServerResponse)> {
    let (keys, json) = (key_set_json(&[signer]), "content-type: application/json");
    let jwk = keys.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}").to_owned();
    let head = format!("HTTP/1.1 200 OK\r\n{json}\r\n");
    let distinct: Vec<String> = (0..101).map(|n| jwk.replace(signer.key.kid(), &format!("k{n}"))).collect();
    vec![
        ("an error with keys", ServerResponse::with("500 Internal Server Error", &[json], &keys)),
        ("status 206", ServerResponse::with("206 Partial Content", &[json], &keys)),
        ("HTML", ServerResponse::with("200 OK", &["content-type: text/html"], &keys)),
        ("a text", ServerResponse::with("200 OK", &["content-type: text/plain"], "not found")),
        ("no content type, and not JSON", ServerResponse::with("200 OK", &[], "not found")),
        ("not JSON", ServerResponse::with("200 OK", &[json], "not found")),
        ("not an object", ServerResponse::with("200 OK", &[json], &format!("[{jwk}]"))),
        ("a key without a set", ServerResponse::with("200 OK", &[json], &jwk)),
        (
            "two sets",
            ServerResponse::with("200 OK", &[json], &keys.replace('}', "},").replacen("},", "}", 1)),
        ),
        (
            "a duplicate member",
            ServerResponse::with("200 OK", &[json], &format!(r#"{{"keys":[],"keys":[{jwk}]}}"#)),
        ),
        ("a byte order mark", ServerResponse::with("200 OK", &[json], &format!("\u{feff}{keys}"))),
        (
            "nested too deeply",
            ServerResponse::with("200 OK", &[json], &format!(r#"{{"x":{},"keys":[]}}"#, "[".repeat(9999))),
        ),
        ("too large", ServerResponse::with("200 OK", &[json], &format!("{}{keys}", " ".repeat(300_000)))),
        (
            "too many keys",
            ServerResponse::with("200 OK", &[json], &format!(r#"{{"keys":[{}]}}"#, distinct.join(","))),
        ),
        (
            "a large head",
            ServerResponse::with("200 OK", &[json, &format!("x: {}", "x".repeat(100_000))], &keys),
        ),
        ("an endless body", ServerResponse::EndlessBody(format!("{head}\r\n{keys}").into())),
        (
            "a wrong content length",
            ServerResponse::Bytes(format!("{head}content-length: 9999\r\n\r\n{keys}").into()),
        ),
        (
            "an invalid chunk",
            ServerResponse::Bytes(format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{keys}").into()),
        ),
        ("not HTTP", ServerResponse::Bytes(keys.clone().into())),
        ("an empty response", ServerResponse::Bytes(Vec::new())),
        ("no response", ServerResponse::ThenStall(Vec::new())),
        ("half a head", ServerResponse::ThenStall(b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec())),
        (
            "half a body",
            ServerResponse::ThenStall(format!("{head}content-length: 9999\r\n\r\n{keys}").into()),
        ),
        (
            "a slow response",
            ServerResponse::Drip(format!("{head}content-length: {}\r\n\r\n{keys}", keys.len()).into()),
        ),
    ]
}

/// R42: an invalid key set rejects every token, and no request waits longer than the timeout.
#[tokio::test]
async fn an_invalid_key_set_rejects_every_token() {
    let signer = TestSigner::new();
    let bad = invalid_key_sets(&signer);
    let count = bad.len();
    let mut tasks = tokio::task::JoinSet::new();
    for (name, answer) in bad {
        let issuer = IssuerServer::with_keys(&[]).await;
        let token = issuer.token(&signer);
        issuer.respond(KEYS, answer);
        let verifier = issuer.verifier(&TestClock::noon());
        tasks.spawn(async move {
            let result = tokio::time::timeout(Duration::from_secs(4), verifier.verify(&token)).await;
            assert_eq!(result, Ok(Err(AuthError::Unavailable)), "{name}");
            assert!(verifier.wait_for_first_fetch().await.last_error.is_some(), "{name}");
            drop(issuer);
        });
    }
    assert_eq!(tasks.join_all().await.len(), count);
    println!("{count} invalid key sets");
}

/// The same responses after a good one: the current keys stay.
#[tokio::test]
async fn a_failed_fetch_keeps_the_current_keys() {
    let (signer, other_signer) = (TestSigner::new(), TestSigner::new());
    let mut tasks = tokio::task::JoinSet::new();
    for (name, answer) in invalid_key_sets(&other_signer) {
        let issuer = IssuerServer::with_keys(&[&signer]).await;
        let (ours, theirs) = (issuer.token(&signer), issuer.token(&other_signer));
        let verifier = issuer.verifier(&TestClock::noon());
        assert!(verifier.verify(&ours).await.is_ok());
        issuer.respond(KEYS, answer);
        tasks.spawn(async move {
            // The issuer's current keys are unknown, so the token is not called invalid.
            assert_eq!(verifier.verify(&theirs).await, Err(AuthError::Unavailable), "{name}");
            assert!(verifier.verify(&ours).await.is_ok(), "{name}");
            drop(issuer);
        });
    }
    tasks.join_all().await;
}

/// F18: stale keys are used until their limit; after it every token is refused until the issuer is back.
#[tokio::test]
async fn stale_keys_are_used_until_their_limit() {
    let (clock, signer) = (TestClock::noon(), TestSigner::new());
    let issuer = IssuerServer::with_keys(&[&signer]).await;
    // A token that is valid for a day, so that only the keys can be too old.
    let long = issuer.tokens().max_lifetime(Duration::from_secs(86_400));
    let verifier =
        RemoteVerifier::start(long, with_test_clock(&clock, JwksOptions::from_discovery())).unwrap();
    let mut claims = with("iss", json!(issuer.base));
    claims["exp"] = json!(NOON_SECONDS + 86_400);
    let token = signer.sign(&claims);
    assert!(verifier.verify(&token).await.is_ok());
    issuer.respond(KEYS, ServerResponse::ThenStall(Vec::new()));
    issuer.respond(METADATA, ServerResponse::ThenStall(Vec::new()));

    clock.advance(FRESH + STALE - Duration::from_millis(1));
    assert!(verifier.verify(&token).await.is_ok());
    clock.advance(Duration::from_millis(1));
    assert_eq!(verifier.verify(&token).await, Err(AuthError::Unavailable));
    assert!(!verifier.refresher().status().is_ready(clock.now()));
    while verifier.refresher().status().consecutive_failures == 0 {
        tokio::task::yield_now().await;
    }

    issuer.respond(METADATA, ServerResponse::json(&issuer.metadata(&issuer.base)));
    issuer.publish(&[&signer]);
    clock.advance(Duration::from_secs(1));
    assert!(verifier.verify(&token).await.is_ok());
    assert!(verifier.refresher().status().is_ready(clock.now()));
}

/// R9: a flood of tokens, each with another unknown key.
#[tokio::test]
async fn a_flood_of_unknown_keys_causes_one_fetch_per_cooldown() {
    let (clock, signer) = (TestClock::noon(), TestSigner::new());
    let issuer = IssuerServer::with_keys(&[&signer]).await;
    let verifier = issuer.verifier(&clock);
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
        for error in flood.join_all().await {
            // Requests above the limit of waiting requests get 503.
            assert!(error.is_unknown_key() || error == AuthError::Unavailable, "{error:?}");
        }
        assert_eq!(issuer.request_count(KEYS), 1 + round);
        assert!(verifier.verify(&issuer.token(&signer)).await.is_ok());
        clock.advance(COOLDOWN);
    }
    assert_eq!(issuer.request_count(METADATA), 1);
}

/// R1, V26: a token that cannot be valid is rejected without a fetch.
#[tokio::test]
async fn a_token_that_cannot_be_valid_causes_no_fetch() {
    let signer = TestSigner::new();
    let issuer = IssuerServer::with_keys(&[&signer]).await;
    let canary = IssuerServer::with_keys(&[&signer]).await;
    let verifier = issuer.verifier(&TestClock::noon());
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
    assert_eq!(
        (issuer.request_count(KEYS), canary.request_count(KEYS), canary.request_count(METADATA)),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn concurrent_tokens_with_a_new_key_share_one_fetch() {
    let (old, new) = (TestSigner::new(), TestSigner::new());
    let issuer = IssuerServer::with_keys(&[&old]).await;
    let verifier = issuer.verifier(&TestClock::noon());
    assert!(verifier.verify(&issuer.token(&old)).await.is_ok());
    issuer.publish(&[&old, &new]);
    let token = issuer.token(&new);

    let mut all = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (verifier, token) = (verifier.clone(), token.clone());
        all.spawn(async move { verifier.verify(&token).await.is_ok() });
    }

    assert!(all.join_all().await.into_iter().all(|is_good| is_good));
    assert_eq!(issuer.request_count(KEYS), 2);
}

#[tokio::test]
async fn consecutive_rotations_are_followed_at_once() {
    let (issuer, clock) = (IssuerServer::with_keys(&[]).await, TestClock::noon());
    let verifier = issuer.verifier(&clock);
    verifier.wait_for_first_fetch().await;
    let mut signers = Vec::new();
    for round in 1..=20 {
        // Long before the end of the cooldown that a fetch without new keys would start.
        clock.advance(COOLDOWN / 30);
        signers.push(TestSigner::new());
        issuer.publish(&signers.iter().collect::<Vec<_>>());

        for signer in &signers {
            assert!(verifier.verify(&issuer.token(signer)).await.is_ok(), "{round}");
        }
        assert_eq!(issuer.request_count(KEYS), 1 + round);
    }
}

/// F17: a removed key is refused after the next fetch, also for cached tokens.
#[tokio::test]
async fn a_removed_key_is_refused_after_the_next_fetch() {
    let (bad, good) = (TestSigner::new(), TestSigner::new());
    let issuer = IssuerServer::with_keys(&[&bad, &good]).await;
    let quick = Duration::from_millis(100);
    let began = std::time::Instant::now();
    let options =
        JwksOptions::from_discovery().refresh_between(quick, quick).clock(move || NOON + began.elapsed());
    let verifier = RemoteVerifier::start(issuer.tokens(), options).unwrap();
    let stolen = issuer.token(&bad);
    assert!(verifier.verify(&stolen).await.is_ok());

    issuer.publish(&[&good]);
    // A token of the other key causes no fetch; the age of the key set does.
    let (seen, started) = (issuer.request_count(KEYS), std::time::Instant::now());
    while issuer.request_count(KEYS) < seen + 2 {
        assert!(started.elapsed() < Duration::from_secs(5), "the keys are not fetched again");
        assert!(verifier.verify(&issuer.token(&good)).await.is_ok());
        tokio::task::yield_now().await;
    }

    assert!(verifier.verify(&stolen).await.unwrap_err().is_unknown_key());
}

#[tokio::test]
async fn an_empty_key_set_rejects_every_token() {
    let (clock, signer) = (TestClock::noon(), TestSigner::new());
    let issuer = IssuerServer::with_keys(&[&signer]).await;
    let verifier = issuer.verifier(&clock);
    assert!(verifier.verify(&issuer.token(&signer)).await.is_ok());
    issuer.publish(&[]);

    // A token with an unknown key causes the fetch.
    assert!(verifier.verify(&issuer.token(&TestSigner::new())).await.unwrap_err().is_unknown_key());

    assert!(verifier.verify(&issuer.token(&signer)).await.unwrap_err().is_unknown_key());
    assert_eq!(verifier.refresher().status().keys, 0);
}

/// R5, R6, R38: a key with wrong attributes in the set never verifies a token.
#[tokio::test]
async fn a_key_with_wrong_attributes_is_not_used() {
    let (signer, other) = (TestSigner::new(), TestSigner::new());
    let jwk = serde_json::to_value(signer.key.verifying_key().jwk().unwrap()).unwrap();
    let with = |name: &str, value: serde_json::Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk
    };
    let mut duplicate = serde_json::to_value(other.key.verifying_key().jwk().unwrap()).unwrap();
    duplicate["kid"] = json!(signer.key.kid());
    let secret = json!({ "kty": "oct", "k": base64url::encode([7; 32]), "kid": jwk["kid"], "alg": "HS256" });
    for (name, keys) in [
        ("two keys with one kid", json!([jwk, duplicate])),
        ("two keys with one kid, in the other order", json!([duplicate, jwk])),
        ("another algorithm", json!([with("alg", json!("RS256"))])),
        ("an algorithm for secrets", json!([with("alg", json!("HS256"))])),
        ("alg none", json!([with("alg", json!("none"))])),
        ("for encryption", json!([with("use", json!("enc"))])),
        ("another key type", json!([with("kty", json!("RSA"))])),
        ("another point", json!([with("y", jwk["x"].clone())])),
        ("a shared secret", json!([secret])),
        ("not an object", json!(["x", 5, null])),
    ] {
        let issuer = IssuerServer::with_keys(&[]).await;
        issuer.respond(KEYS, ServerResponse::json(&json!({ "keys": keys }).to_string()));
        let verifier = issuer.verifier(&TestClock::noon());

        let error = verifier.verify(&issuer.token(&signer)).await.unwrap_err();

        assert!(error.is_unknown_key(), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_key_without_alg_is_for_the_only_allowed_algorithm_that_fits() {
    let signer = TestSigner::new();
    let issuer = IssuerServer::with_keys(&[&signer]).await;
    issuer.respond(KEYS, ServerResponse::json(&key_set_json(&[&signer]).replace(r#""alg":"ES256","#, "")));
    for allowed in [&[Algorithm::Es256][..], &[Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]] {
        let tokens = TokenVerifier::builder(&issuer.base, SHOP, allowed);
        let options = with_test_clock(&TestClock::noon(), JwksOptions::from_discovery());
        let verifier = RemoteVerifier::start(tokens, options).unwrap();

        assert!(verifier.verify(&issuer.token(&signer)).await.is_ok(), "{allowed:?}");
    }
}

#[tokio::test]
async fn keys_with_one_id_are_used_if_algorithm_and_use_distinguish_them() {
    let (signer, other) = (TestSigner::new(), TestSigner::with(Algorithm::Ed25519));
    let jwk = |signer: &TestSigner| serde_json::to_value(signer.key.verifying_key().jwk().unwrap()).unwrap();
    let mut same_id = jwk(&other);
    same_id["kid"] = json!(signer.key.kid());
    let mut encryption = jwk(&TestSigner::new());
    (encryption["kid"], encryption["use"], encryption["alg"]) =
        (json!(signer.key.kid()), json!("enc"), json!("ECDH-ES"));
    let issuer = IssuerServer::with_keys(&[]).await;
    let keys = json!({ "keys": [encryption, same_id, jwk(&signer)] });
    issuer.respond(KEYS, ServerResponse::json(&keys.to_string()));

    let verifier = issuer.verifier(&TestClock::noon());

    assert!(verifier.verify(&issuer.token(&signer)).await.is_ok());
}

#[tokio::test]
async fn keys_that_a_file_server_sends_are_used() {
    let signer = TestSigner::new();
    for lines in [
        &["content-type: text/plain; charset=utf-8"][..],
        &["content-type: application/octet-stream"],
        &["content-type: text/json"],
        &[],
    ] {
        let issuer = IssuerServer::with_keys(&[]).await;
        issuer
            .respond(KEYS, ServerResponse::with("200 OK", lines, &format!("\n{}", key_set_json(&[&signer]))));
        assert!(
            issuer.verifier(&TestClock::noon()).verify(&issuer.token(&signer)).await.is_ok(),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_text_at_the_first_metadata_url_is_no_metadata() {
    let signer = TestSigner::new();
    let issuer = IssuerServer::with_keys(&[&signer]).await;
    issuer.respond(METADATA, ServerResponse::with("200 OK", &["content-type: text/plain"], "not found"));
    issuer.respond(OPENID, ServerResponse::json(&issuer.metadata(&issuer.base)));

    assert!(issuer.verifier(&TestClock::noon()).verify(&issuer.token(&signer)).await.is_ok());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_start() {
    let start = |issuer: &str, algorithm| {
        let tokens = TokenVerifier::builder(issuer, SHOP, &[algorithm]);
        RemoteVerifier::start(tokens, JwksOptions::from_discovery()).unwrap_err()
    };

    let plain = start("http://auth.example", Algorithm::Es256);
    assert!(matches!(plain, RemoteVerifierError::Url(HttpUrlError::InsecureHttp)), "{plain}");
    let nowhere = start("auth.example", Algorithm::Es256);
    assert!(matches!(nowhere, RemoteVerifierError::Url(HttpUrlError::NotHttpUrl)), "{nowhere}");
    let secret = start("https://auth.example", Algorithm::Hs256);
    assert!(matches!(secret, RemoteVerifierError::SharedSecret), "{secret}");
}

#[test]
fn starting_without_a_tokio_runtime_is_refused() {
    let tokens = TokenVerifier::builder("http://localhost:1", SHOP, &[Algorithm::Es256]);

    let error = RemoteVerifier::start(tokens, JwksOptions::from_discovery()).unwrap_err();

    assert!(matches!(error, RemoteVerifierError::NoRuntime), "{error}");
}

#[tokio::test]
async fn dropping_the_last_verifier_ends_the_task() {
    let signer = TestSigner::new();
    let issuer = IssuerServer::with_keys(&[&signer]).await;
    let quick = Duration::from_millis(20);
    let options =
        with_test_clock(&TestClock::noon(), JwksOptions::from_discovery()).refresh_between(quick, quick);
    let verifier = RemoteVerifier::start(issuer.tokens(), options).unwrap();
    verifier.wait_for_first_fetch().await;
    drop(verifier.clone());
    assert!(verifier.verify(&issuer.token(&signer)).await.is_ok());

    let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    drop(verifier);
    while tokio::runtime::Handle::current().metrics().num_alive_tasks() >= alive {
        tokio::task::yield_now().await;
    }
}

/// Without keys the answer is 503 with `Retry-After`, and does not call the token invalid.
#[cfg(feature = "tower")]
#[tokio::test]
async fn a_service_without_keys_answers_503_with_retry_after() {
    use tower::{ServiceBuilder, ServiceExt as _, service_fn};

    let signer = TestSigner::new();
    let issuer = IssuerServer::start().await;
    let inner = service_fn(async |_: http::Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new("inside".to_owned()))
    });
    let verifier = issuer.verifier(&TestClock::noon());
    let service = ServiceBuilder::new().layer(verifier.layer().require_authentication()).service(inner);
    let bearer = format!("Bearer {}", issuer.token(&signer));
    let request = http::Request::get("/").header("authorization", bearer).body(()).unwrap();

    let response = service.oneshot(request).await.unwrap();

    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    assert!(response.headers().get("www-authenticate").is_none() && response.body() != "inside");
}
