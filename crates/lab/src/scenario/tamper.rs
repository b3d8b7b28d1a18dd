//! `tamper`: forged and changed tokens, at the issuer and at a service.

use counterfoil_jose::base64url;
use serde_json::{Value, json};

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut held = stage.log_in(Mode::Jwt)?;
    let genuine = held.login.token.clone();
    stage.step("Present changed tokens");
    for (text, token) in forgeries(&genuine) {
        stage.note(Some(Mode::Jwt), text.to_owned());
        held.login.token = token;
        stage.ask(&held, Place::Thief, Place::Issuer)?;
        stage.ask(&held, Place::Thief, Place::KeysOnly)?;
    }
    stage.step("Present the genuine token");
    stage.note(Some(Mode::Jwt), "the genuine token".to_owned());
    held.login.token = genuine;
    stage.ask(&held, Place::Client, Place::Issuer).map(drop)
}

/// What was changed, and the changed token.
fn forgeries(genuine: &str) -> Vec<(&'static str, String)> {
    let parts: Vec<&str> = genuine.split('.').collect();
    let [header, payload, signature] = parts[..] else { return Vec::new() };
    let with_header = |changes: Value| format!("{}.{payload}.{signature}", changed(header, changes));
    let unsigned = format!("{}.{payload}.", changed(header, json!({ "alg": "none" })));
    let other_user = changed(payload, json!({ "sub": "AAAAAAAAAAAAAAAAAAAAAA" }));
    let mut noncanonical = genuine.to_owned();
    // 64 bytes end in a character of which four bits are unused and zero.
    noncanonical.pop().map(|last| noncanonical.push(char::from(last as u8 + 1))).unwrap_or_default();
    vec![
        ("another sub", format!("{header}.{other_user}.{signature}")),
        ("alg: none, without a signature", unsigned),
        ("alg: HS256", with_header(json!({ "alg": "HS256" }))),
        ("an unknown critical header", with_header(json!({ "crit": ["x"], "x": 1 }))),
        ("another last letter, which stands for the same bytes", noncanonical),
    ]
}

/// A part of a token with changed members.
fn changed(part: &str, changes: Value) -> String {
    let mut members: Value =
        base64url::decode(part).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    if let (Some(members), Value::Object(changes)) = (members.as_object_mut(), changes) {
        members.extend(changes);
    }
    base64url::encode(members.to_string())
}
