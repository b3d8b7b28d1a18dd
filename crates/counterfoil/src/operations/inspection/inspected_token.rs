//! A token taken apart, without any key.

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_jose::{JwsError, UnverifiedJws, base64url, unverified};

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
    /// The prefix is that of one of our tokens, and the rest is not.
    #[error("the text has the prefix of a {0} token, but is malformed")]
    Malformed(&'static str),
    /// It is no JWT either.
    #[error("the text is not a token")]
    NotAToken(#[source] JwsError),
}

impl InspectionError {
    /// What to do.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "copy the whole token, without spaces and line breaks",
            Self::NotAToken(_) => "a token begins with cfs_, cfr_ or eyJ",
        }
    }
}

impl InspectedToken {
    /// Parses a token of any kind.
    ///
    /// # Errors
    ///
    /// If the text is no token. The error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, InspectionError> {
        if text.starts_with(SessionToken::PREFIX) {
            let token: SessionToken = text.parse().map_err(|_| InspectionError::Malformed("session"))?;
            return Ok(Self::Session { session: token.session().to_string() });
        }
        if text.starts_with(RefreshToken::PREFIX) {
            let token: RefreshToken = text.parse().map_err(|_| InspectionError::Malformed("refresh"))?;
            return Ok(Self::Refresh { session: token.session().to_string(), counter: token.counter() });
        }
        let token = unverified::decode(text).map_err(InspectionError::NotAToken)?;
        let signature = text.rsplit('.').next().and_then(|part| base64url::decode(part).ok());
        Ok(Self::Jwt { token, signature_length: signature.map_or(0, |bytes| bytes.len()) })
    }
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
}
