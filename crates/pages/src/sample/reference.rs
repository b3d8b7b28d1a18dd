//! Views of the reference of the HTTP API.

use crate::sample::{HOSTILE, Sample, frame};
use crate::view::reference::{
    AnswerRow, CallGroup, CallLink, CallView, MemberRow, ObjectTable, Prose, ReferenceView,
};

fn prose() -> Vec<Prose> {
    let piece = |text: &str, is_code, is_object| Prose { text: text.into(), is_code, is_object };
    vec![
        piece(HOSTILE, false, false),
        piece("application/x-www-form-urlencoded", true, false),
        piece("LoginResponse", false, true),
    ]
}

fn link() -> CallLink {
    CallLink {
        id: "login&\"".into(),
        method: "DELETE".into(),
        path: "/.well-known/oauth-authorization-server/{name}".into(),
        summary: prose(),
    }
}

fn members() -> Vec<MemberRow> {
    let row = |is_required| MemberRow {
        name: "successful_per_account".into(),
        kind: prose(),
        is_required,
        meaning: prose(),
    };
    vec![row(true), row(false)]
}

/// The list and a call, with everything and with nothing.
pub(super) fn pages() -> Vec<Sample> {
    let group = |title: &str, calls| CallGroup { title: title.into(), calls };
    let list = ReferenceView {
        version: "1.0.0".into(),
        groups: vec![group(HOSTILE, vec![link(), link()]), group("For proxies", vec![])],
    };
    let object = ObjectTable { name: "LoginResponse".into(), description: prose(), members: members() };
    let answer = |object: Option<&str>| AnswerRow {
        status: "200".into(),
        meaning: prose(),
        object: object.map(Into::into),
    };
    let call = CallView {
        call: link(),
        description: prose(),
        credentials: "a session token or an access token".into(),
        parameters: members(),
        body: Some("A JSON object".into()),
        members: members(),
        answers: vec![answer(Some("LoginResponse")), answer(None)],
        objects: vec![object],
    };
    let plain = CallView {
        description: vec![],
        parameters: vec![],
        body: None,
        members: vec![],
        objects: vec![],
        answers: vec![answer(None)],
        ..call.clone()
    };
    let gate = frame(None);
    vec![
        Sample::new("reference", &gate, &list),
        Sample::new("call", &gate, &call),
        Sample::new("plain call", &gate, &plain),
    ]
}
