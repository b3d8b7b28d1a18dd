//! The JOSE header of a token: `alg`, `kid` and `typ` (RFC 7515, section 4).

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, IgnoredAny};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::json;
use crate::jws_error::JwsError;
use crate::key_id::is_valid_key_id;

/// The header parameters that are used. `jwk`, `jku`, `x5u`, `x5c` and all others are ignored: an attacker
/// could otherwise supply the verification key with the token (RFC 8725, section 3.10).
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) alg: Algorithm,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
}

/// Headers up to this size in bytes are decoded on the stack. A typical header has about 110 bytes.
const STACK_BUFFER_LEN: usize = 512;

impl Header {
    /// Parses the header from its segment, which is canonical base64url.
    pub(crate) fn parse(segment: &str) -> Result<Self, JwsError> {
        let mut buffer = [0; STACK_BUFFER_LEN];
        if let Ok(bytes) = base64url::decode_into(segment, &mut buffer) {
            return Self::from_json(bytes);
        }
        let bytes = base64url::decode(segment).map_err(|_| JwsError::NotBase64url)?;
        Self::from_json(&bytes)
    }

    fn from_json(bytes: &[u8]) -> Result<Self, JwsError> {
        let members: Members<'_> = json::parse_object(bytes).map_err(JwsError::BadHeader)?;
        if members.crit.is_present {
            return Err(JwsError::UnsupportedCrit);
        }
        if members.b64.is_present {
            return Err(JwsError::UnsupportedB64);
        }
        if members.kid.as_deref().is_some_and(|kid| !is_valid_key_id(kid)) {
            return Err(JwsError::BadKeyId);
        }
        Ok(Self {
            alg: members.alg.parse().map_err(|_| JwsError::AlgorithmNotAllowed)?,
            kid: members.kid.map(Cow::into_owned),
            typ: members.typ.map(Cow::into_owned),
        })
    }

    /// Whether `typ` is present and one of `allowed`, compared as media types (RFC 7515, section 4.1.9).
    pub(crate) fn has_typ(&self, allowed: &[&str]) -> bool {
        let actual = self.typ.as_deref().map(media_type);
        actual.is_some_and(|actual| allowed.iter().any(|typ| media_type(typ).eq_ignore_ascii_case(actual)))
    }
}

/// The media type without the prefix `application/`, which a header may omit (RFC 7515, section 4.1.9).
fn media_type(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") && !rest.contains('/') => rest,
        _ => typ,
    }
}

#[derive(serde::Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "string")]
    kid: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "string")]
    typ: Option<Cow<'a, str>>,
    #[serde(default)]
    crit: Presence,
    #[serde(default)]
    b64: Presence,
}

/// Deserializes an optional member that must be a string if it is present: `null` is an error.
fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    struct StringVisitor;

    impl<'de> serde::de::Visitor<'de> for StringVisitor {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }

    deserializer.deserialize_str(StringVisitor).map(Some)
}

/// Whether a member is present. Its value, which may be `null`, is ignored.
#[derive(Default)]
struct Presence {
    is_present: bool,
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self { is_present: true })
    }
}
