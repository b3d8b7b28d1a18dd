//! The JSON of an answer as the page shows it: in short lines, with `…` for what differs each time.

use serde_json::Value;

use crate::http_reference::ordered_json::Json;

/// The longest object or list on one line.
const WIDTH: usize = 100;

/// An answer with more lines than this is shown without what is deep in it.
const MAX_LINES: usize = 60;

/// The prefixes of our credentials, and the start of each JWT.
const CREDENTIALS: [&str; 5] = ["cfs_", "cfr_", "cfa_", "cfv_", "eyJ"];

/// Numbers that differ each time, besides those that end with `_at` and `_ms`.
const VARYING_NUMBERS: [&str; 13] = [
    "acknowledged",
    "at",
    "auth_time",
    "count",
    "exp",
    "head",
    "iat",
    "next",
    "now",
    "number",
    "pos",
    "position",
    "until",
];

/// The text of `body`.
pub(super) fn text(body: &Json) -> String {
    if let Json::Scalar(Value::String(events)) = body {
        return events.lines().map(event_line).collect::<Vec<_>>().join("\n");
    }
    let whole = render("", body, 0, usize::MAX);
    if whole.lines().count() <= MAX_LINES { whole } else { render("", body, 0, 1) }
}

/// A line of an event stream, or a signed document, without what differs each time.
fn event_line(line: &str) -> String {
    if let Some(prefix) = CREDENTIALS.iter().find(|prefix| line.starts_with(*prefix)) {
        return format!("{prefix}…");
    }
    match line.split_once(": ") {
        Some((name, value)) if value.starts_with('{') => format!("{name}: {{…}}"),
        Some((name, value))
            if name == "x-request-id"
                || value.contains(|letter: char| letter.is_ascii_digit())
                || is_random(value) =>
        {
            format!("{name}: …")
        }
        Some(_) | None => line.to_owned(),
    }
}

/// The text of a member `key`, whose line is indented by `indent`, down to `depth` levels.
fn render(key: &str, value: &Json, indent: usize, depth: usize) -> String {
    match value {
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::List(elements) if elements.is_empty() => "[]".to_owned(),
        Json::Object(_) if depth == 0 => "{…}".to_owned(),
        Json::List(_) if depth == 0 => "[…]".to_owned(),
        Json::Object(members) => {
            let item = |(key, value): &(String, Json)| {
                format!("\"{key}\": {}", render(key, value, indent + 2, depth - 1))
            };
            block(['{', '}'], members.iter().map(item).collect(), indent)
        }
        Json::List(elements) => {
            let items = elements.iter().map(|element| render(key, element, indent + 2, depth - 1));
            block(['[', ']'], items.collect(), indent)
        }
        Json::Scalar(Value::String(text)) => Value::from(masked(key, text)).to_string(),
        Json::Scalar(Value::Number(number)) if varies(key, number.as_u64()) => "…".to_owned(),
        Json::Scalar(value) => value.to_string(),
    }
}

/// Whether a number differs each time: a time, a counter, or what remains of the life of a session.
fn varies(key: &str, number: Option<u64>) -> bool {
    let is_remaining = key == "expires_in" && number > Some(86_400);
    key.ends_with("_at") || key.ends_with("_ms") || VARYING_NUMBERS.contains(&key) || is_remaining
}

/// The items on one line if it is short enough, or on a line each.
fn block([open, close]: [char; 2], items: Vec<String>, indent: usize) -> String {
    let line = format!("{open}{}{close}", items.join(", "));
    if indent + line.chars().count() <= WIDTH && !line.contains('\n') {
        return line;
    }
    let pad = " ".repeat(indent);
    format!("{open}\n{pad}  {}\n{pad}{close}", items.join(&format!(",\n{pad}  ")))
}

/// A string without what differs each time: credentials, random ids, ports, and the version of curl.
fn masked(key: &str, text: &str) -> String {
    if let Some(prefix) = CREDENTIALS.iter().find(|prefix| text.starts_with(*prefix)) {
        return format!("{prefix}…");
    }
    if key == "next" {
        return "…".to_owned();
    }
    match text.rsplit_once([':', '/']) {
        // The port of the server of this test.
        Some((start, _)) if key == "host" => format!("{start}:…"),
        Some((start, id)) if is_random(id) => format!("{}…", &text[..start.len() + 1]),
        Some(("curl", _)) => "curl/…".to_owned(),
        None if is_random(text) => "…".to_owned(),
        Some(_) | None => text.to_owned(),
    }
}

/// Whether the text is a random id: 16 or more hexadecimal digits, or 22 or more of base64url.
fn is_random(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_mixed = text.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let is_hexadecimal = text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_mixed && (is_hexadecimal || (text.len() >= 22 && text.bytes().all(is_base64url)))
}

/// One random id of a hundred has no digit.
#[test]
fn an_id_in_a_line_is_not_shown_also_without_a_digit() {
    assert_eq!(event_line("remote-session: eRbowNopKEpPRexVrKxDzg"), "remote-session: …");
    assert_eq!(event_line("remote-user: ada"), "remote-user: ada");
}

#[test]
fn what_differs_each_time_is_not_shown() {
    let body = serde_json::json!({
        "id": "Zk9TB1cbRZ6W3oJp2m1xQA", "subject": "user:Zk9TB1cbRZ6W3oJp2m1xQA", "client_id": "default",
        "created_at": 1_764_000_000, "expires_in": 900, "key": "cfa_secret", "user_agent": "curl/8.1",
        "text": "a text of more than twenty characters", "event": "consecutive_failed_logins_from_ip",
    });

    let text = text(&serde_json::from_value(body).unwrap());

    for shown in [
        "\"id\": \"…\"",
        "\"subject\": \"user:…\"",
        "\"client_id\": \"default\"",
        "\"created_at\": …",
        "\"expires_in\": 900",
        "\"key\": \"cfa_…\"",
        "\"user_agent\": \"curl/…\"",
        "\"text\": \"a text of more than twenty characters\"",
        "\"event\": \"consecutive_failed_logins_from_ip\"",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
}
