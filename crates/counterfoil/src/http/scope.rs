//! Scopes and audiences as a client may write them.

use crate::http::error::AppError;

/// The most bytes of a scope or an audience: what stands in a token travels with every request.
const LONGEST: usize = 512;

/// A scope that reads as one: words of visible ASCII parted by single spaces (RFC 6749, section 3.3).
pub(crate) fn judge(scope: String) -> Result<String, AppError> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_scope_character);
    if scope.len() > LONGEST || !scope.split(' ').all(is_word) {
        return Err(AppError::field("scope", "is to be words of visible ASCII parted by single spaces"));
    }
    Ok(scope)
}

const fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

/// An audience that reads as one: a name or a URL (RFC 7519, section 4.1.3).
pub(crate) fn judge_audience(audience: String) -> Result<String, AppError> {
    let is_plain = audience.bytes().all(|byte| byte.is_ascii_graphic());
    if audience.is_empty() || audience.len() > LONGEST || !is_plain {
        return Err(AppError::field("audience", "is to be 1 to 512 characters of visible ASCII"));
    }
    Ok(audience)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_words_parted_by_single_spaces() {
        assert!(judge("orders:read orders:write".into()).is_ok());
        for bad in ["", " ", "a  b", " a", "a ", "a\"b", "a\\b", "ü", "a\nb", &"a".repeat(513)] {
            assert!(judge(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_audience_is_visible_ascii() {
        assert!(judge_audience("https://shop.example/api".into()).is_ok());
        for bad in ["", "a b", "ü", "a\0", &"a".repeat(513)] {
            assert!(judge_audience(bad.into()).is_err(), "{bad:?}");
        }
    }
}
