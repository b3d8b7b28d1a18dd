//! The headers by which the application learns who the user is.

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use counterfoil_verify::{Principal, SessionId, UserId};

use super::percent;

/// The names of all headers. Every response that lets a request pass has all of them, empty without a value: some proxies
/// forward the header of the client if the response has none (GHSA-7r4p-vjf4-gxv4).
pub(crate) const NAMES: [&str; 7] = [
    "remote-user",
    "remote-email",
    "remote-groups",
    "remote-subject",
    "remote-external-id",
    "remote-session",
    "remote-assertion",
];

/// Who sends the request.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(super) principal: Principal,
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) username: Option<String>,
    /// The address, if the user has proved that they own it.
    pub(super) email: Option<String>,
}

impl Identity {
    /// Where the request is logged.
    pub(crate) const fn user_and_session(&self) -> (UserId, SessionId) {
        (self.user, self.session)
    }

    /// The values in the order of [`NAMES`].
    fn values(&self, assertion: Option<&str>) -> [String; 7] {
        let text = |text: Option<&str>| text.map(encode).unwrap_or_default();
        [
            text(self.username.as_deref()),
            text(self.email.as_deref()),
            self.principal.roles().iter().map(|role| encode(role)).collect::<Vec<_>>().join(","),
            encode(&self.user.to_string()),
            self.external_id().map(|id| encode(&id)).unwrap_or_default(),
            encode(&self.session.to_string()),
            assertion.unwrap_or_default().to_owned(),
        ]
    }

    fn external_id(&self) -> Option<String> {
        match self.principal.claim("external_id")? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// All headers, for this user or for none.
pub(crate) fn identity_headers(
    identity: Option<&Identity>,
    assertion: Option<&str>,
) -> [(HeaderName, HeaderValue); 7] {
    let mut values = identity.map(|identity| identity.values(assertion)).unwrap_or_default().into_iter();
    NAMES.map(|name| {
        let value = values.next().unwrap_or_default();
        let value = HeaderValue::try_from(value).expect("every value is encoded as visible ASCII");
        (HeaderName::from_static(name), value)
    })
}

/// Percent-encodes `%`, `,` and everything but visible ASCII: a value can neither end the header nor become two roles.
fn encode(text: &str) -> String {
    percent::encode(text, |byte| byte.is_ascii_graphic() && byte != b'%' && byte != b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_user_every_header_is_there_and_empty() {
        let headers = identity_headers(None, None);

        assert_eq!(headers.len(), NAMES.len());
        assert!(headers.iter().all(|(name, value)| name.as_str().starts_with("remote-") && value.is_empty()));
    }

    #[test]
    fn a_value_is_visible_ascii_without_a_comma() {
        for (text, encoded) in [
            ("ada", "ada"),
            ("ada@shop.example", "ada@shop.example"),
            ("a,b", "a%2Cb"),
            ("100%", "100%25"),
            ("a b", "a%20b"),
            ("é\r\nX: 1", "%C3%A9%0D%0AX:%201"),
        ] {
            assert_eq!(encode(text), encoded);
        }
    }
}
