//! The headers by which the application learns who the user is.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use counterfoil_verify::{CredentialKind, Principal, SessionId, UserId};

use super::percent;

/// The names of all headers. Every response that lets a request pass has all of them, empty without a value: some proxies
/// forward the header of the client if the response has none (GHSA-7r4p-vjf4-gxv4).
pub(crate) static NAMES: [HeaderName; 7] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-groups"),
    HeaderName::from_static("remote-subject"),
    HeaderName::from_static("remote-external-id"),
    HeaderName::from_static("remote-session"),
    HeaderName::from_static("remote-assertion"),
];

/// Who sends the request.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(super) principal: Principal,
    pub(super) user: UserId,
    pub(super) session: SessionId,
    /// What the store says of the user of an access token.
    pub(super) stored: Option<StoredUser>,
}

/// The user of an access token, as far as the token does not say it.
#[derive(Debug, Clone)]
pub(super) struct StoredUser {
    pub(super) username: String,
    /// The address, if the user has proved that they own it.
    pub(super) email: Option<String>,
}

impl Identity {
    /// Where the request is logged.
    pub(crate) const fn user_and_session(&self) -> (UserId, SessionId) {
        (self.user, self.session)
    }

    /// The name of the user, as the credential says it, or else the store.
    pub(super) fn username(&self) -> Option<&str> {
        self.principal.username().or_else(|| Some(&*self.stored.as_ref()?.username))
    }

    /// The address, if the user has proved that they own it. A session token was checked with the record of its user; an access
    /// token says nothing about it.
    pub(super) fn email(&self) -> Option<&str> {
        match self.principal.credential_kind() {
            CredentialKind::SessionToken => self.principal.claim("email").and_then(Value::as_str),
            CredentialKind::AccessToken => self.stored.as_ref()?.email.as_deref(),
        }
    }

    /// The values in the order of [`NAMES`].
    fn values(&self, assertion: Option<&str>) -> [HeaderValue; 7] {
        [
            header_value(self.username().unwrap_or_default()),
            header_value(self.email().unwrap_or_default()),
            self.groups(),
            // The subject is the id of the user.
            header_value(self.principal.subject()),
            self.external_id().map_or(EMPTY, |id| header_value(&id)),
            HeaderValue::from_bytes(&self.session.to_ascii()).expect("an id is visible ASCII"),
            assertion.map_or(EMPTY, visible),
        ]
    }

    /// The roles, joined by commas.
    fn groups(&self) -> HeaderValue {
        match self.principal.roles() {
            [] => EMPTY,
            [role] => header_value(role),
            roles => visible(&roles.iter().map(|role| encode(role)).collect::<Vec<_>>().join(",")),
        }
    }

    fn external_id(&self) -> Option<String> {
        match self.principal.claim("external_id")? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// The value of a header without one.
pub(crate) const EMPTY: HeaderValue = HeaderValue::from_static("");

/// Puts the values of this user in the place of the empty ones in `headers`, which has all names in the order of [`NAMES`]: one pass
/// finds them without hashing any. A name that is not found there would stay empty.
pub(crate) fn set_identity_headers(headers: &mut HeaderMap, identity: &Identity, assertion: Option<&str>) {
    let mut places = headers.iter_mut();
    for (name, value) in NAMES.iter().zip(identity.values(assertion)) {
        if let Some((_, place)) = places.find(|(found, _)| *found == name) {
            *place = value;
        }
    }
}

/// The text as a value, percent-encoded where it must be; most texts need nothing.
fn header_value(text: &str) -> HeaderValue {
    if text.is_empty() {
        return EMPTY;
    }
    if text.bytes().all(is_plain) { visible(text) } else { visible(&encode(text)) }
}

fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("every value is encoded as visible ASCII")
}

/// Percent-encodes `%`, `,` and everything but visible ASCII: a value can neither end the header nor become two roles.
fn encode(text: &str) -> String {
    percent::encode(text, is_plain)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'%' && byte != b','
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(header_value(text), encoded);
        }
    }
}
