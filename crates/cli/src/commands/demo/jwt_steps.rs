//! The steps of the demo that show JWTs.

use counterfoil_jose::{Algorithm, JwkSet};
use counterfoil_verify::{Clock as _, SystemClock, TokenVerifier};
use serde_json::json;

use crate::commands::demo::client::Request;
use crate::commands::demo::step::{Step, Topic};
use crate::commands::demo::token_parts;
use crate::commands::demo::walk::{Walk, unexpected};
use crate::error::CliError;

/// A login with mode `jwt`.
pub(super) async fn log_in(walk: &mut Walk) -> Result<Step, CliError> {
    let login = walk.log_in(json!({ "mode": "jwt", "label": "script" })).await?;
    login.text("/access_token").clone_into(&mut walk.jwt);
    login.text("/session/id").clone_into(&mut walk.jwt_session);
    let token = walk.jwt.clone();
    walk.send(Request::new("GET", "/v1/me").bearer(&token), 200).await?;
    let session_bytes = walk.credential_bytes().session_token;
    Ok(Step {
        name: "jwt_login",
        topic: Topic::Jwt,
        title: "log in",
        explanation: "The client gets a signed token in the body and sends it in the header Authorization, so it works \
                      across domains and in mobile apps, without cookies. Where a page keeps it matters: a script that \
                      was smuggled into the page can read localStorage, but not an HttpOnly cookie \
                      (\"transport\": \"cookie\").",
        shows: "self-contained, and therefore larger than a session token",
        requests: Vec::new(),
        details: vec![
            format!("size of the access token: {} bytes; of the session token: {session_bytes}", token.len()),
            format!("expires_in: {} seconds", login.body["expires_in"]),
        ],
    })
}

/// The three parts of the token.
pub(super) fn take_apart(walk: &mut Walk) -> Result<Step, CliError> {
    Ok(Step {
        name: "jwt_parts",
        topic: Topic::Jwt,
        title: "take the token apart: header.payload.signature",
        explanation: "The parts are JSON in base64url: everyone with the token can read them, so no secret belongs \
                      there. `counterfoil token inspect TOKEN` shows any token like this.",
        shows: "structure: header, payload and signature",
        requests: Vec::new(),
        details: token_parts::describe(&walk.jwt).ok_or_else(|| unexpected("a token of three parts"))?,
    })
}

/// The verification by another service, which has only the public keys.
pub(super) async fn verify_with_public_keys(walk: &mut Walk) -> Result<Step, CliError> {
    let keys = walk.send(Request::new("GET", "/.well-known/jwks.json"), 200).await?;
    let verifier = verifier(walk, &keys.body.to_string())?;
    let now = SystemClock::new().now();
    verifier.verify(&walk.jwt, now).map_err(|_| unexpected("a valid token"))?;
    let forged = token_parts::with_changed_payload(&walk.jwt).ok_or_else(|| unexpected("a payload"))?;
    if verifier.verify(&forged, now).is_ok() {
        return Err(unexpected("that a changed token is refused"));
    }
    Ok(Step {
        name: "jwt_verify",
        topic: Topic::Jwt,
        title: "verify it as another service",
        explanation: "Another service fetches the public keys once. From then on it verifies signature, issuer, \
                      audience and expiry of each token by itself: it needs no store and sends no request. A token with \
                      one changed character is refused.",
        shows: "stateless: any number of services verify without a shared store",
        requests: Vec::new(),
        details: vec![
            "the token, verified with the public keys alone: valid".to_owned(),
            "the same token with a changed payload: refused, the signature does not match".to_owned(),
        ],
    })
}

/// The end of the session of the JWT by its owner, from another login.
pub(super) async fn end_session(walk: &mut Walk) -> Result<Step, CliError> {
    let path = format!("/v1/sessions/{}", walk.jwt_session);
    walk.send(walk.with_cookie("DELETE", &path), 204).await?;
    let token = walk.jwt.clone();
    walk.send(Request::new("GET", "/v1/me").bearer(&token), 401).await?;
    let keys = walk.send(Request::new("GET", "/.well-known/jwks.json"), 200).await?;
    let verifier = verifier(walk, &keys.body.to_string())?;
    verifier.verify(&walk.jwt, SystemClock::new().now()).map_err(|_| unexpected("a valid signature"))?;
    Ok(Step {
        name: "jwt_end",
        topic: Topic::Jwt,
        title: "end its session from the browser",
        explanation: "Counterfoil, and applications that embed it, refuse the token at once, because they know its \
                      session. A service with only the public keys cannot know, and accepts it until it expires, \
                      unless it follows the feed of revocations (`GET /v1/feed`). That is why access tokens should \
                      live for minutes, which is what the hybrid is for.",
        shows: "revocation of a JWT is difficult for services that verify it alone",
        requests: Vec::new(),
        details: vec!["verified with the public keys alone: still valid, until `exp`".to_owned()],
    })
}

/// A verifier with nothing but the issuer's public keys.
fn verifier(walk: &Walk, keys: &str) -> Result<TokenVerifier, CliError> {
    let keys = JwkSet::from_json(keys.as_bytes()).map_err(|error| CliError::from_error(&error))?;
    let algorithms = Algorithm::ASYMMETRIC;
    TokenVerifier::builder(&walk.base, &walk.base, &algorithms)
        .build(keys.to_key_set(&algorithms))
        .map_err(|error| CliError::from_error(&error))
}
