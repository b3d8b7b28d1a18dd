//! Validation of the client id, scopes and audiences that a client requests.

use counterfoil_verify::ClientId;

use crate::http::error::AppError;

/// The largest scope or audience in bytes: both are part of the token, which is sent with every request.
const MAX_LEN: usize = 512;

/// Validates a scope: words of printable ASCII, separated by single spaces (RFC 6749, section 3.3).
pub(crate) fn validate_scope(scope: String) -> Result<String, AppError> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_scope_character);
    if scope.len() > MAX_LEN || !scope.split(' ').all(is_word) {
        let detail = "must be words of printable ASCII, separated by single spaces, at most 512 characters";
        return Err(AppError::field("scope", detail));
    }
    Ok(scope)
}

const fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

/// Validates an audience: a name or a URL (RFC 7519, section 4.1.3).
pub(crate) fn validate_audience(audience: String) -> Result<String, AppError> {
    let is_printable = audience.bytes().all(|byte| byte.is_ascii_graphic());
    if audience.is_empty() || audience.len() > MAX_LEN || !is_printable {
        return Err(AppError::field(
            "audience",
            "must be 1 to 512 characters of printable ASCII without spaces",
        ));
    }
    Ok(audience)
}

/// The client application; `default` if none is named.
pub(crate) fn parse_client_id(text: Option<&str>) -> Result<ClientId, AppError> {
    text.map_or_else(|| Ok(ClientId::default()), str::parse).map_err(|_| {
        AppError::field("client_id", "must be 1 to 128 characters of printable ASCII without spaces")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_words_separated_by_single_spaces() {
        assert!(validate_scope("orders:read orders:write".into()).is_ok());
        for bad in ["", " ", "a  b", " a", "a ", "a\"b", "a\\b", "ü", "a\nb", &"a".repeat(513)] {
            assert!(validate_scope(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_audience_is_printable_ascii() {
        assert!(validate_audience("https://shop.example/api".into()).is_ok());
        for bad in ["", "a b", "ü", "a\0", &"a".repeat(513)] {
            assert!(validate_audience(bad.into()).is_err(), "{bad:?}");
        }
    }
}
