//! A stored session, as a trace shows it.

use counterfoil_core::model::session::{Session, SessionCredential};
use counterfoil_jose::base64url;
use serde_json::{Value, json};

/// What of a session is shown. The hash of a session token and the salt of a refresh token are no secrets of a client.
pub(super) fn stored_form(session: &Session) -> Value {
    let credential = match &session.credential {
        SessionCredential::Cookie(hash) => {
            json!({ "kind": "hash of the session token", "hash": base64url::encode(hash.as_bytes()) })
        }
        SessionCredential::AccessOnly => json!({ "kind": "nothing: access tokens only" }),
        SessionCredential::Refresh { counter, .. } => {
            json!({ "kind": "counter of the refresh token", "counter": counter })
        }
    };
    let ended =
        session.ended.map(|end| json!({ "at": end.at.unix_seconds(), "reason": end.reason.as_str() }));
    json!({
        "id": session.id.to_string(),
        "user": session.user.to_string(),
        "credential": credential,
        "idle": session.idle.as_secs(),
        "expires_at": session.expires_at.unix_seconds(),
        "ended": ended,
        "revision": session.revision,
    })
}
