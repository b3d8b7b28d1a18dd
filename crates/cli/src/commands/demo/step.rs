//! One step of the demo: what was sent, what came back, and what it shows.

use serde::Serialize;

use crate::commands::demo::client::{Request, Response};
use crate::error::CliError;

/// The longest text of a credential that is shown.
const SHOWN_CHARACTERS: usize = 16;

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Topic {
    /// Sessions with a cookie.
    Session,
    /// JWTs.
    Jwt,
    /// A JWT with a refresh token.
    Hybrid,
    /// All three.
    All,
}

impl Topic {
    /// The word in front of a title.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "Session",
            Self::Jwt => "JWT",
            Self::Hybrid => "Hybrid",
            Self::All => "All modes",
        }
    }
}

/// A step that went as it says.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    /// A stable name for programs.
    pub(super) name: &'static str,
    /// What it is about.
    pub(super) topic: Topic,
    /// What is done.
    pub(super) title: &'static str,
    /// What happens and why.
    pub(super) explanation: &'static str,
    /// The property of the topic that one sees here.
    pub(super) shows: &'static str,
    /// The requests with their statuses.
    pub(super) requests: Vec<Exchange>,
    /// What to look at in the answers.
    pub(super) details: Vec<String>,
}

/// A request and the status of its response.
#[derive(Debug, Serialize)]
pub(super) struct Exchange {
    /// Method and path.
    request: String,
    /// Its headers and its body, without passwords and with shortened credentials.
    sent: Vec<String>,
    /// The status of the response.
    status: u16,
}

impl Exchange {
    /// The request and its response, if the status is the expected one.
    ///
    /// # Errors
    ///
    /// If the status is another one: the step does not give what it says.
    pub(super) fn expect(request: &Request, response: &Response, expected: u16) -> Result<Self, CliError> {
        let (status, line) = (response.status, format!("{} {}", request.method, request.path));
        if status != expected {
            let message = format!("{line} answered {status}, not {expected}: {}", response.text("/detail"));
            return Err(
                CliError::failure(message).with_hint("this is a fault of Counterfoil: please report it")
            );
        }
        Ok(Self { request: line, sent: sent(request), status })
    }

    /// Its lines of text.
    pub(super) fn lines(&self) -> Vec<String> {
        let sent = self.sent.iter().map(|line| format!("  {line}"));
        let status = format!("< {}", self.status);
        std::iter::once(format!("> {}", self.request)).chain(sent).chain([status]).collect()
    }
}

/// The headers and the body of a request, without passwords and with shortened credentials.
fn sent(request: &Request) -> Vec<String> {
    let header = |(name, value): &(&str, String)| match (*name, value.split_once(['=', ' '])) {
        ("Authorization", Some((scheme, token))) => format!("Authorization: {scheme} {}", shorten(token)),
        ("Cookie", Some((cookie, token))) => format!("Cookie: {cookie}={}", shorten(token)),
        _ => format!("{name}: {value}"),
    };
    let body = request.body.clone().map(|mut body| {
        for (name, value) in body.as_object_mut().into_iter().flatten() {
            match name.as_str() {
                "password" => *value = "…".into(),
                "refresh_token" => *value = shorten(value.as_str().unwrap_or_default()).into(),
                _ => {}
            }
        }
        body.to_string()
    });
    request.headers.iter().map(header).chain(body).collect()
}

/// The begin of a credential.
pub(super) fn shorten(secret: &str) -> String {
    match secret.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &secret[..end]),
        None => secret.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_password_and_most_of_a_token_are_not_shown() {
        let request = Request::new("POST", "/v1/login")
            .bearer("eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.secret")
            .json(json!({ "password": "secret", "username": "demo" }));

        let text = sent(&request).join("\n");

        assert!(text.contains("demo") && text.contains("Bearer eyJhbGciOiJFUzI1…"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn another_status_than_the_expected_one_is_a_failure() {
        let response = Response { status: 500, headers: Vec::new(), body: Value::Null };

        assert!(Exchange::expect(&Request::new("GET", "/"), &response, 200).is_err());
        assert!(Exchange::expect(&Request::new("GET", "/"), &response, 500).is_ok());
    }
}
