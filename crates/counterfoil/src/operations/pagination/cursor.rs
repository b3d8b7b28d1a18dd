//! Positions in lists, as text.

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::model::session::Session;
use counterfoil_core::services::revocation_feed::Follower;
use counterfoil_core::store::{AdminKeyCursor, AuditEventNumber, NodeId, SessionCursor, VerifierKeyCursor};
use counterfoil_jose::{Time, base64url};
use counterfoil_verify::{ClientId, SessionId};

/// A position in a list, as text for clients. It contains no secret, and a forged one is only another position.
pub(crate) trait Cursor: Clone {
    /// The text.
    fn to_text(&self) -> String;

    /// The inverse of [`to_text`](Self::to_text).
    fn parse(text: &str) -> Option<Self>;
}

/// The folded username, in the list of users.
impl Cursor for String {
    fn to_text(&self) -> String {
        self.clone()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Cursor for ClientId {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Cursor for AuditEventNumber {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A record in a list that is ordered by the time of creation, and by id among those of one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CreatedCursor {
    /// When the record was created.
    pub(crate) at: Time,
    /// Its id.
    pub(crate) id: String,
}

impl Cursor for CreatedCursor {
    fn to_text(&self) -> String {
        base64url::encode([&self.at.unix_ms().to_be_bytes(), self.id.as_bytes()].concat())
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = base64url::decode(text).ok()?;
        let (time, id) = bytes.split_first_chunk()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        Some(Self { at: Time::from_unix_ms(u64::from_be_bytes(*time)), id })
    }
}

impl Cursor for SessionCursor {
    fn to_text(&self) -> String {
        time_and_id_to_text(self.authenticated_at, self.id.as_bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        let (authenticated_at, id) = parse_time_and_id(text)?;
        Some(Self { authenticated_at, id: SessionId::from_bytes(id) })
    }
}

impl Cursor for AdminKeyCursor {
    fn to_text(&self) -> String {
        time_and_id_to_text(self.created_at, self.id.as_bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        let (created_at, id) = parse_time_and_id(text)?;
        Some(Self { created_at, id: AdminKeyId::from_bytes(id) })
    }
}

impl Cursor for VerifierKeyCursor {
    fn to_text(&self) -> String {
        time_and_id_to_text(self.created_at, self.id.as_bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        let (created_at, id) = parse_time_and_id(text)?;
        Some(Self { created_at, id: VerifierKeyId::from_bytes(id) })
    }
}

impl Cursor for Follower {
    fn to_text(&self) -> String {
        format!("{}.{}", self.key, self.instance)
    }

    fn parse(text: &str) -> Option<Self> {
        let (key, instance) = text.split_once('.')?;
        Some(Self { key: key.parse().ok()?, instance: instance.parse().ok()? })
    }
}

impl Cursor for NodeId {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        base64url::decode_exact(text).ok().map(Self::from_bytes)
    }
}

fn time_and_id_to_text(time: Time, id: &[u8; 16]) -> String {
    base64url::encode([&time.unix_ms().to_be_bytes()[..], id].concat())
}

fn parse_time_and_id(text: &str) -> Option<(Time, [u8; 16])> {
    let bytes: [u8; 24] = base64url::decode_exact(text).ok()?;
    let (time, id) = bytes.split_first_chunk()?;
    Some((Time::from_unix_ms(u64::from_be_bytes(*time)), id.try_into().ok()?))
}

/// The position of a session in the list of its user.
pub(crate) fn session_cursor(session: &Session) -> SessionCursor {
    SessionCursor { authenticated_at: session.authenticated_at, id: session.id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_cursor_is_rejected_and_a_forged_one_is_harmless() {
        for bad in ["", "x", "%00", &"A".repeat(31), &"A".repeat(33), "' OR 1=1 --"] {
            assert!(SessionCursor::parse(bad).is_none(), "{bad}");
        }
        for bad in ["", "x", "%00", "AAAA", "AAAAAAAAAAD_"] {
            assert!(CreatedCursor::parse(bad).is_none(), "{bad}");
        }
        let forged = SessionCursor::parse(&"_".repeat(32)).unwrap();
        assert_eq!(forged.authenticated_at, Time::from_unix_ms(u64::MAX));
    }

    #[test]
    fn a_cursor_is_parsed_to_its_position() {
        let authenticated_at = Time::from_unix_ms(1_764_000_000_123);
        let session = SessionCursor { authenticated_at, id: SessionId::from_bytes([7; 16]) };
        let created = CreatedCursor { at: Time::from_unix_ms(7), id: "id".to_owned() };

        assert_eq!(SessionCursor::parse(&session.to_text()), Some(session));
        assert_eq!(CreatedCursor::parse(&created.to_text()), Some(created));
    }
}
