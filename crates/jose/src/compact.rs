//! The JWS compact serialization: three segments separated by dots (RFC 7515, section 7.1).

use crate::base64url;
use crate::jws_error::JwsError;

/// The maximum length of a token in bytes. A typical access token has about 500 bytes, with ML-DSA up to
/// 5,000.
pub const MAX_LENGTH: usize = 8 * 1024;

/// The segments of a token. None of them is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) signature: &'a str,
    /// The JWS signing input: header, dot and payload.
    pub(crate) signing_input: &'a str,
}

impl<'a> Compact<'a> {
    /// Splits `token` at its dots and checks that each segment is canonical base64url.
    pub(crate) fn parse(token: &'a str) -> Result<Self, JwsError> {
        let compact = Self::split(token, MAX_LENGTH)?;
        compact.check_encoding()?;
        Ok(compact)
    }

    /// Splits `token` at its dots, for callers that decode the segments later. The length is checked first,
    /// which limits the cost of everything that follows.
    pub(crate) fn split(token: &'a str, max_length: usize) -> Result<Self, JwsError> {
        if token.len() > max_length {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::NotCompact)?;
        if payload.contains('.') || [header, payload, signature].contains(&"") {
            return Err(JwsError::NotCompact);
        }
        Ok(Self { header, payload, signature, signing_input })
    }

    /// Checks that each segment is canonical base64url.
    pub(crate) fn check_encoding(&self) -> Result<(), JwsError> {
        let segments = [self.header, self.payload, self.signature];
        let all_canonical = segments.iter().all(|segment| base64url::is_canonical(segment.as_bytes()));
        if all_canonical { Ok(()) } else { Err(JwsError::NotBase64url) }
    }
}
