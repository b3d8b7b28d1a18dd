//! Identifiers of users, sessions, tokens, clients and keys: public, and without an order of creation.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use counterfoil_jose::base64url;

use crate::interner::share_text;

/// The text is not the canonical form of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid id: must be {expected}")]
pub struct IdError {
    expected: &'static str,
}

impl IdError {
    pub(crate) const fn expected(expected: &'static str) -> Self {
        Self { expected }
    }
}

/// Deserializes an id from borrowed text.
pub(crate) struct FromStrVisitor<T>(pub(crate) PhantomData<T>);

impl<T: FromStr<Err = IdError>> Visitor<'_> for FromStrVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Sixteen random bytes, written as 22 characters of base64url. Only the canonical text parses:
        /// padding, another alphabet and non-zero trailing bits are refused (RFC 4648, section 3.5).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these bytes, which must come from a cryptographic random generator.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The sixteen bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The text, in ASCII. Only for the crate of the issuer, which writes it into a header for each request.
            #[doc(hidden)]
            pub fn to_ascii(self) -> [u8; 22] {
                base64url::encode_id(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(std::str::from_utf8(&self.to_ascii()).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = base64url::decode_exact(text);
                bytes.map(Self).map_err(|_| IdError { expected: "22 characters of base64url" })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(FromStrVisitor(PhantomData))
            }
        }
    };
}

const NAME_ERROR: IdError = IdError { expected: "1 to 128 printable ASCII characters without spaces" };

fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

macro_rules! named_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 128 printable ASCII characters without spaces; cheap to clone.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same id, in the memory of all that have it.
            pub(crate) fn shared(self) -> Self {
                Self(share_text(self.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(NAME_ERROR) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(FromStrVisitor(PhantomData))
            }
        }
    };
}

random_id! {
    /// The id of a user: the `sub` of the issuer's tokens. It never changes and is never reassigned.
    UserId
}
random_id! {
    /// The id of a session: the `sid` of the issuer's tokens.
    SessionId
}
random_id! {
    /// The id of an access token: its `jti` (RFC 7519, section 4.1.7).
    TokenId
}
random_id! {
    /// The id of a revocation log. A store generates one when it is created, and another when it is restored
    /// from a backup: positions of different logs cannot be compared.
    RevocationLogId
}
named_id! {
    /// The id of a client application: `client_id` (RFC 6749, section 2.2).
    ClientId
}
named_id! {
    /// The id of a key: its `kid` (RFC 7517, section 4.5). For the issuer's own keys it is the thumbprint of
    /// RFC 7638.
    KeyId
}

impl KeyId {
    /// The id with this text, which is shared and not copied.
    pub(crate) fn from_shared(text: &Arc<str>) -> Result<Self, IdError> {
        is_name(text).then(|| Self(Arc::clone(text))).ok_or(NAME_ERROR)
    }
}

impl ClientId {
    /// The client of a login request without `client_id`.
    pub const DEFAULT: &'static str = "default";
}

impl Default for ClientId {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn the_text_of_an_id_is_base64url(bytes: [u8; 16]) {
            let id = SessionId::from_bytes(bytes);

            prop_assert_eq!(id.to_string(), base64url::encode(bytes));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn only_the_canonical_text_of_an_id_parses() {
        let id = SessionId::from_bytes([255; 16]);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));

        let trailing_bits = format!("{}x", &text[..21]);
        for bad in [trailing_bits.as_str(), "", &text[..21], &format!("{text}="), &format!(" {}", &text[1..])]
        {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?}");
        }
    }
}
