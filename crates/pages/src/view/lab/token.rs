//! A token that is taken apart.

use std::fmt;

use serde::Serialize;

use crate::view::View;

/// A member of the header or of the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenMember {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The time, if it is one.
    pub time: Option<String>,
    /// What it means, if that is known.
    pub meaning: Option<&'static str>,
}

/// A JWT.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct JwtParts {
    /// The header, the payload and the signature, as they are written.
    pub texts: Vec<String>,
    /// The header.
    pub header: Vec<TokenMember>,
    /// The payload.
    pub payload: Vec<TokenMember>,
    /// How many bytes the signature has.
    pub signature_bytes: usize,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// Without the token, which is a credential.
impl fmt::Debug for JwtParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtParts").field("problems", &self.problems).finish_non_exhaustive()
    }
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TakenApart {
    /// A JWT.
    Jwt(JwtParts),
    /// A session token. Its secret is not shown.
    Session {
        /// The id of the session.
        session: String,
    },
    /// A refresh token. Its secret is not shown.
    Refresh {
        /// The id of the session.
        session: String,
        /// The number of the refresh.
        counter: u64,
    },
    /// No token.
    Invalid {
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
}

/// The form, and the token that it has sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// The token, once the form was sent.
    pub token: Option<TakenApart>,
}

impl View for TokenView {
    const TEMPLATE: &'static str = "lab/token.html";
}
