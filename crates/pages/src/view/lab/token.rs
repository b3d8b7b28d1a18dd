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

/// What the check of a signature has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureView {
    /// Whether it is valid; `None` if it was not checked.
    pub is_valid: Option<bool>,
    /// The result in one or two words.
    pub summary: &'static str,
    /// With which keys it was checked.
    pub checked_with: String,
    /// What the result means, in sentences.
    pub explanation: Vec<String>,
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
    /// Whether it is valid.
    pub signature: SignatureView,
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
        hint: String,
    },
}

/// What is wrong with the keys of the form, at the field. It does not repeat them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeyErrors {
    /// Why the key set is not used.
    pub jwks: Option<String>,
    /// Why the secret is not used.
    pub secret: Option<String>,
}

/// The form, and the token that it has sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// The token, once the form was sent.
    pub token: Option<TakenApart>,
    /// Why the keys of the form are not used, if they are not.
    pub key_errors: KeyErrors,
    /// The most KiB of a token.
    pub max_token_kib: usize,
    /// The most KiB of a key set.
    pub max_key_set_kib: usize,
}

impl View for TokenView {
    const TEMPLATE: &'static str = "lab/token.html";
}
