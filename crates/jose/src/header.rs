//! The header of a token: who claims to have signed it, how, and what it is.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, IgnoredAny};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::json;
use crate::key_id::is_key_id;
use crate::rejection::Rejection;

/// What we read of a header. `jwk`, `jku`, `x5u`, `x5c` and whatever else it has are ignored: a
/// token can't bring its own key (RFC 8725, section 3.10).
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) alg: Algorithm,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
}

/// Headers up to this size are decoded on the stack; ours have about 110 bytes.
const SHORT: usize = 512;

impl Header {
    /// Reads the header from its segment, which is canonical base64url.
    pub(crate) fn parse(segment: &str) -> Result<Self, Rejection> {
        let mut short = [0; SHORT];
        if let Ok(bytes) = base64url::decode_into(segment, &mut short) {
            return Self::from_json(bytes);
        }
        let bytes = base64url::decode(segment).map_err(|_| Rejection::NotBase64url)?;
        Self::from_json(&bytes)
    }

    fn from_json(bytes: &[u8]) -> Result<Self, Rejection> {
        let members: Members<'_> = json::object(bytes).map_err(Rejection::BadHeader)?;
        if members.crit.0 {
            return Err(Rejection::Critical);
        }
        if members.b64.0 {
            return Err(Rejection::Unencoded);
        }
        if members.kid.as_deref().is_some_and(|kid| !is_key_id(kid)) {
            return Err(Rejection::BadKeyId);
        }
        Ok(Self {
            alg: members.alg.parse().map_err(|_| Rejection::AlgorithmNotAllowed)?,
            kid: members.kid.map(Cow::into_owned),
            typ: members.typ.map(Cow::into_owned),
        })
    }

    /// Whether the token says that it is one of these types, as media types are compared (RFC 7515,
    /// section 4.1.9). Without a type it is none.
    pub(crate) fn is_any_of(&self, typ: &[&str]) -> bool {
        let shown = self.typ.as_deref().map(media_type);
        shown.is_some_and(|shown| typ.iter().any(|wanted| media_type(wanted).eq_ignore_ascii_case(shown)))
    }
}

/// A media type without the `application/` that a header may leave out (RFC 7515, section 4.1.9).
fn media_type(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((tree, rest)) if tree.eq_ignore_ascii_case("application/") && !rest.contains('/') => rest,
        _ => typ,
    }
}

#[derive(serde::Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    kid: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    typ: Option<Cow<'a, str>>,
    #[serde(default)]
    crit: Present,
    #[serde(default)]
    b64: Present,
}

/// A member that is text if it is there at all: `null` is an error, not an absence.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    struct Text;

    impl<'de> serde::de::Visitor<'de> for Text {
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

    deserializer.deserialize_str(Text).map(Some)
}

/// Whether a member is there, whatever its value, `null` included.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}
