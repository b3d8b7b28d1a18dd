//! The compact serialization: three segments and two dots (RFC 7515, section 7.1).

use crate::base64url;
use crate::rejection::Rejection;

/// The longest token that is looked at, in bytes. Ours have some 500, and up to 5,000 with ML-DSA.
pub const MAX_LENGTH: usize = 8 * 1024;

/// A token's segments, none of them empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) signature: &'a str,
    /// Header, dot and payload: what is signed.
    pub(crate) signed: &'a str,
}

impl<'a> Compact<'a> {
    /// Cuts `token` at its dots, and looks at every byte. The cost is bounded before the first.
    pub(crate) fn split(token: &'a str) -> Result<Self, Rejection> {
        let compact = Self::cut(token)?;
        compact.judge()?;
        Ok(compact)
    }

    /// Cuts `token` at its dots, and looks no further: for who decodes the segments anyway.
    pub(crate) fn cut(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > MAX_LENGTH {
            return Err(Rejection::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(Rejection::NotCompact)?;
        if payload.contains('.') || [header, payload, signature].contains(&"") {
            return Err(Rejection::NotCompact);
        }
        Ok(Self { header, payload, signature, signed })
    }

    /// Whether each segment is canonical base64url.
    pub(crate) fn judge(&self) -> Result<(), Rejection> {
        let segments = [self.header, self.payload, self.signature];
        let all = segments.iter().all(|segment| base64url::is_canonical(segment.as_bytes()));
        if all { Ok(()) } else { Err(Rejection::NotBase64url) }
    }
}
