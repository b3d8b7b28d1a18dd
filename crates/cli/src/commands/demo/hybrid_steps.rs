//! The steps of the demo that show the hybrid: an access token with a refresh token.

use serde_json::json;

use crate::commands::demo::client::{Request, Response};
use crate::commands::demo::server::REUSE_GRACE;
use crate::commands::demo::step::{Step, Topic, shorten};
use crate::commands::demo::walk::{Walk, unexpected};
use crate::error::CliError;

/// A login with mode `hybrid`.
pub(super) async fn log_in(walk: &mut Walk) -> Result<Step, CliError> {
    let login = walk.log_in(json!({ "mode": "hybrid", "label": "phone" })).await?;
    login.text("/access_token").clone_into(&mut walk.access);
    walk.access_bytes = walk.access.len();
    login.text("/refresh_token").clone_into(&mut walk.first_refresh);
    let access = walk.access.clone();
    walk.send(Request::new("GET", "/v1/me").bearer(&access), 200).await?;
    Ok(Step {
        name: "hybrid_login",
        topic: Topic::Hybrid,
        title: "log in",
        explanation: "The client gets two tokens: a JWT for every request, which lives for minutes, and a refresh token \
                      with which it gets the next one. The refresh token is no JWT: the server keeps a counter for it, \
                      and asks the session record each time.",
        shows: "short-lived JWTs, and yet long logins that can be ended",
        requests: Vec::new(),
        details: vec![
            format!("access token:  {} bytes, {} seconds", access.len(), login.body["expires_in"]),
            format!(
                "refresh token: {} bytes, {} seconds",
                walk.first_refresh.len(),
                login.body["refresh_expires_in"]
            ),
        ],
    })
}

/// A refresh.
pub(super) async fn refresh(walk: &mut Walk) -> Result<Step, CliError> {
    let pair = send_first_refresh_token(walk, 200).await?;
    pair.text("/access_token").clone_into(&mut walk.access);
    pair.text("/refresh_token").clone_into(&mut walk.second_refresh);
    if walk.second_refresh.is_empty() || walk.second_refresh == walk.first_refresh {
        return Err(unexpected("a new refresh token"));
    }
    Ok(Step {
        name: "hybrid_refresh",
        topic: Topic::Hybrid,
        title: "refresh",
        explanation: "When the access token has expired, the client sends the refresh token and gets a new pair. The \
                      used refresh token is replaced (rotation). The server looks the user up again: a disabled user \
                      gets 401 here.",
        shows: "how a login outlives its short access tokens",
        requests: Vec::new(),
        details: vec![format!("the next refresh token: {}", shorten_middle(&walk.second_refresh))],
    })
}

/// The same refresh again, as by a client that did not receive the answer.
pub(super) async fn repeat_lost_answer(walk: &mut Walk) -> Result<Step, CliError> {
    let repeated = send_first_refresh_token(walk, 200).await?;
    if repeated.text("/refresh_token") != walk.second_refresh {
        return Err(unexpected("the same refresh token again"));
    }
    Ok(Step {
        name: "hybrid_lost_answer",
        topic: Topic::Hybrid,
        title: "the answer was lost: send the used token again",
        explanation: "A phone in a tunnel, or two tabs at the same moment: within the grace period (10 seconds by \
                      default, 1 second in this demo) the used token is answered again, with the same next token. \
                      Without that, a lost answer would end the login.",
        shows: "rotation that does not log users out by accident",
        requests: Vec::new(),
        details: vec!["the same refresh token as before: yes".to_owned()],
    })
}

/// The used token once more after the grace period, as by a thief.
pub(super) async fn detect_reuse(walk: &mut Walk) -> Result<Step, CliError> {
    tokio::time::sleep(REUSE_GRACE * 5 / 4).await;
    send_first_refresh_token(walk, 401).await?;
    let body = json!({ "refresh_token": walk.second_refresh });
    walk.send(Request::new("POST", "/v1/refresh").json(body), 401).await?;
    let access = walk.access.clone();
    walk.send(Request::new("GET", "/v1/me").bearer(&access), 401).await?;
    Ok(Step {
        name: "hybrid_reuse",
        topic: Topic::Hybrid,
        title: "a thief uses the old token: reuse is detected",
        explanation: "After the grace period a used refresh token is in two hands: the owner's and a thief's. The \
                      server cannot know which is which, so it ends the session for both (RFC 9700, section 4.14.2). \
                      The owner logs in again; the thief has nothing.",
        shows: "theft of a refresh token is noticed",
        requests: Vec::new(),
        details: vec!["the newest refresh token and the access token are refused as well".to_owned()],
    })
}

async fn send_first_refresh_token(walk: &mut Walk, expected: u16) -> Result<Response, CliError> {
    let body = json!({ "refresh_token": walk.first_refresh });
    walk.send(Request::new("POST", "/v1/refresh").json(body), expected).await
}

/// The begin of a refresh token, and its counter: `cfr_….1.…`.
fn shorten_middle(token: &str) -> String {
    let mut parts = token.split('.');
    let (id, counter) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{}.{counter}.…", shorten(id))
}
