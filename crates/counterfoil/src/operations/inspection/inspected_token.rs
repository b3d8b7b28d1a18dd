//! A token taken apart, without any key.

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_jose::{JwsError, UnverifiedJws, base64url, jws, unverified};
use serde_json::Value;

use crate::runtime::error_chain::error_chain;

/// The most bytes of a token: those that a verifier parses.
pub const MAX_TOKEN_LENGTH: usize = jws::MAX_LENGTH;

/// What the header of a JWT begins with: the base64url of `{`, and of what may follow it.
const JWT_PREFIX: &str = "ey";

/// The public content of a token; its secret or signature is dropped.
#[derive(Debug, Clone, PartialEq)]
pub enum InspectedToken {
    /// A session token.
    Session {
        /// The id of the session.
        session: String,
    },
    /// A refresh token.
    Refresh {
        /// The id of the session.
        session: String,
        /// How often the session was refreshed before this token.
        counter: u64,
    },
    /// A JWT. An attacker may have written all of it.
    Jwt {
        /// The header and the payload.
        token: UnverifiedJws,
        /// How many bytes the signature has.
        signature_length: usize,
    },
}

/// Why a text is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectionError {
    /// There is no text, or nothing but spaces.
    #[error("there is no token: the text is empty")]
    Empty,
    /// The prefix is that of one of our tokens, and the rest is not.
    #[error("the text has the prefix of a {0} token, but is malformed")]
    Malformed(&'static str),
    /// It begins as a JWT does, and is not one.
    #[error("the text begins as a JWT, but is malformed: {}", error_chain(.0))]
    MalformedJwt(JwsError),
    /// It does not begin as a token does, and is not one.
    #[error("the text is not a token: {}", error_chain(.0))]
    NotAToken(JwsError),
}

impl InspectionError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Empty => {
                "give a session token (cfs_…), a refresh token (cfr_…) or a JWT (eyJ…); if a program was to print it, look at its \
                 errors"
                    .to_owned()
            }
            Self::Malformed(_) | Self::MalformedJwt(JwsError::NotBase64url) => {
                "copy the whole token, without spaces and line breaks".to_owned()
            }
            Self::MalformedJwt(JwsError::TooLong) => {
                format!("a token has at most {} KiB", MAX_TOKEN_LENGTH / 1024)
            }
            Self::MalformedJwt(JwsError::NotCompact) => {
                "copy the whole token: its three parts, separated by dots; an encrypted token has five, and cannot be read"
                    .to_owned()
            }
            Self::MalformedJwt(_) => {
                "copy the whole token; its header and its payload are JSON objects, in which no name occurs twice".to_owned()
            }
            Self::NotAToken(_) => {
                format!("a token begins with cfs_, cfr_ or eyJ, and has at most {} KiB", MAX_TOKEN_LENGTH / 1024)
            }
        }
    }
}

/// The token in a text that a person has copied: without the spaces around it, and without `Authorization: Bearer` before it.
#[must_use]
pub fn copied_token(text: &str) -> &str {
    let text = without_prefix(text.trim(), "Authorization:");
    without_prefix(text, "Bearer ")
}

/// The text without these letters before it, in lower or upper case (RFC 9110, sections 5.1 and 11.1).
fn without_prefix<'a>(text: &'a str, prefix: &str) -> &'a str {
    match text.split_at_checked(prefix.len()) {
        Some((first, rest)) if first.eq_ignore_ascii_case(prefix) => rest.trim_start(),
        _ => text,
    }
}

/// Whether the header says that the token has no signature (RFC 7519, section 6).
#[must_use]
pub fn is_unsigned(token: &UnverifiedJws) -> bool {
    token.header.get("alg").and_then(Value::as_str).is_some_and(|alg| alg.eq_ignore_ascii_case("none"))
}

impl InspectedToken {
    /// Parses a token of any kind.
    ///
    /// # Errors
    ///
    /// If the text is no token. The error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, InspectionError> {
        if text.trim().is_empty() {
            return Err(InspectionError::Empty);
        }
        if text.starts_with(SessionToken::PREFIX) {
            let token: SessionToken = text.parse().map_err(|_| InspectionError::Malformed("session"))?;
            return Ok(Self::Session { session: token.session().to_string() });
        }
        if text.starts_with(RefreshToken::PREFIX) {
            let token: RefreshToken = text.parse().map_err(|_| InspectionError::Malformed("refresh"))?;
            return Ok(Self::Refresh { session: token.session().to_string(), counter: token.counter() });
        }
        if let Some(token) = without_signature(text) {
            return Ok(Self::Jwt { token, signature_length: 0 });
        }
        let token = unverified::decode(text).map_err(|error| match text.starts_with(JWT_PREFIX) {
            true => InspectionError::MalformedJwt(error),
            false => InspectionError::NotAToken(error),
        })?;
        let signature = text.rsplit('.').next().and_then(|part| base64url::decode(part).ok());
        Ok(Self::Jwt { token, signature_length: signature.map_or(0, |bytes| bytes.len()) })
    }
}

/// A token that says that it is unsigned, and has nothing where the signature would be. Of another token the signature is cut off.
fn without_signature(text: &str) -> Option<UnverifiedJws> {
    text.strip_suffix('.')?;
    unverified::decode(&format!("{text}AA")).ok().filter(is_unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn the_secret_of_a_token_is_dropped() {
        let secret = "B".repeat(42) + "A";
        for token in [format!("cfs_{ID}.{secret}"), format!("cfr_{ID}.7.{secret}")] {
            let inspected = format!("{:?}", InspectedToken::parse(&token).unwrap());

            assert!(inspected.contains(ID) && !inspected.contains(&secret), "{inspected}");
        }
    }

    #[test]
    fn a_malformed_token_is_an_error_that_does_not_repeat_it() {
        for malformed in ["", "hello", "cfs_", "cfr_x.1.y", "a.b.c", "eyJ.eyJ.", "\u{1b}[2J"] {
            let Err(error) = InspectedToken::parse(malformed) else { panic!("{malformed:?}") };
            assert!(malformed.len() < 4 || !format!("{error:?}").contains(malformed), "{error:?}");
        }
    }

    #[test]
    fn a_copied_header_is_reduced_to_its_token() {
        for text in [
            "eyJ.eyJ.AAAA",
            " eyJ.eyJ.AAAA\n",
            "Bearer eyJ.eyJ.AAAA",
            "bearer  eyJ.eyJ.AAAA",
            "Authorization: Bearer eyJ.eyJ.AAAA\r\n",
            "authorization:BEARER eyJ.eyJ.AAAA",
        ] {
            assert_eq!(copied_token(text), "eyJ.eyJ.AAAA", "{text:?}");
        }
        for text in ["", "Bearer", "Bearer:x", "\u{fc}\u{fc}\u{fc}\u{fc}", "cfs_x"] {
            assert_eq!(copied_token(text), text);
        }
    }

    #[test]
    fn an_unsigned_token_has_content_and_no_signature() {
        for alg in ["none", "None"] {
            let header = base64url::encode(format!(r#"{{"alg":"{alg}"}}"#));
            let text = format!("{header}.{}.", base64url::encode(r#"{"sub":"admin"}"#));
            let InspectedToken::Jwt { token, signature_length: 0 } = InspectedToken::parse(&text).unwrap()
            else {
                panic!("{alg}")
            };
            assert!(is_unsigned(&token) && token.payload["sub"] == "admin", "{alg}");
        }
    }

    #[test]
    fn an_error_says_what_is_wrong_and_what_to_do() {
        let jwt = |header: &str, payload: &str| {
            format!("{}.{}.AAAA", base64url::encode(header), base64url::encode(payload))
        };
        let long = format!("eyJ{}", "A".repeat(MAX_TOKEN_LENGTH));
        for (text, message, hint) in [
            (
                "eyJ.eyJ",
                "begins as a JWT, but is malformed: the token must have exactly three",
                "three parts",
            ),
            ("eyJ.e yJ.AAAA", "a segment is not canonical base64url", "without spaces"),
            (&long, "begins as a JWT, but is malformed: the token is too long", "at most 8 KiB"),
            (
                &jwt("{\"a\":1,\"a\":2}", "{}"),
                "the header is malformed: duplicate member at line 1",
                "occurs twice",
            ),
            (&jwt("{\"a\":1}", "[]"), "the payload is malformed: expected an object", "JSON objects"),
            (
                "hello",
                "the text is not a token: the token must have exactly three",
                "begins with cfs_, cfr_ or eyJ",
            ),
            ("cfs_x", "the text has the prefix of a session token", "without spaces"),
            ("", "there is no token: the text is empty", "give a session token (cfs_…)"),
            (" \n", "there is no token", "look at its errors"),
            (
                &format!("{}.{}.", base64url::encode(r#"{"alg":"ES256"}"#), base64url::encode("{}")),
                "exactly three",
                "whole token",
            ),
        ] {
            let Err(error) = InspectedToken::parse(text) else { panic!("{text}") };
            assert!(error.to_string().contains(message), "{error}");
            assert!(error.hint().contains(hint), "{error}: {}", error.hint());
        }
    }
}
