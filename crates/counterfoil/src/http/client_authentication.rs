//! How the caller of an endpoint of OAuth authenticates (RFC 6749, section 2.3; RFC 7662, section 2.1).

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use counterfoil_verify::bearer_token;

use crate::http::form_body::FormBody;
use crate::http::form_urlencoded::decode;
use crate::http::oauth_error::{ChallengeScheme, OAuthError};

/// Base64 in the standard alphabet, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a caller presents to authenticate. Nothing is verified.
pub(crate) enum ClientAuthentication {
    /// Nothing.
    None,
    /// A bearer token (RFC 6750).
    Bearer(Zeroizing<String>),
    /// An id and a secret: HTTP Basic (`client_secret_basic`), or `client_id` and `client_secret` in the form
    /// (`client_secret_post`).
    IdAndSecret {
        /// The id.
        id: Zeroizing<String>,
        /// The secret.
        secret: Zeroizing<String>,
    },
}

impl ClientAuthentication {
    /// Reads the one method that the request uses.
    ///
    /// # Errors
    ///
    /// [`OAuthError::InvalidRequest`] for two methods (RFC 6749, section 2.3), and for a `client_id` that is not that of the
    /// method. [`OAuthError::InvalidClient`] for a method that is malformed or not supported.
    pub(crate) fn read(headers: &HeaderMap, form: &FormBody) -> Result<Self, OAuthError> {
        let in_header = read_header(headers)?;
        let (id, secret) = (form.get("client_id"), form.get("client_secret"));
        let has_assertion = form.get("client_assertion").is_some();
        let methods = [in_header.is_some(), secret.is_some(), has_assertion];
        if methods.into_iter().filter(|used| *used).count() > 1 {
            return Err(OAuthError::InvalidRequest("a request must authenticate by one method"));
        }
        if has_assertion {
            return Err(invalid(
                "`client_assertion` is not supported: use HTTP Basic",
                ChallengeScheme::Basic,
            ));
        }
        match (in_header, id, secret) {
            (Some(header), id, _) => header.checked_against(id),
            (None, Some(id), Some(secret)) => Ok(Self::IdAndSecret { id: copy(id), secret: copy(secret) }),
            (None, None, Some(_)) => Err(OAuthError::InvalidRequest("`client_secret` requires `client_id`")),
            (None, _, None) => Ok(Self::None),
        }
    }

    /// The scheme of the challenge, if this is refused.
    pub(crate) const fn scheme(&self) -> ChallengeScheme {
        match self {
            Self::Bearer(_) => ChallengeScheme::Bearer,
            Self::None | Self::IdAndSecret { .. } => ChallengeScheme::Basic,
        }
    }

    /// Some clients send `client_id` in the form, too. It must not name another caller.
    fn checked_against(self, client_id: Option<&str>) -> Result<Self, OAuthError> {
        match (&self, client_id) {
            (Self::IdAndSecret { id, .. }, Some(client_id)) if id.as_str() != client_id => {
                Err(OAuthError::InvalidRequest("`client_id` must be the id of the caller that authenticates"))
            }
            _ => Ok(self),
        }
    }
}

fn read_header(headers: &HeaderMap) -> Result<Option<ClientAuthentication>, OAuthError> {
    let Some(line) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let bearer = bearer_token(headers)
        .map_err(|_| OAuthError::InvalidRequest("a request must have one `Authorization` header"))?;
    if let Some(token) = bearer {
        return Ok(Some(ClientAuthentication::Bearer(copy(token))));
    }
    let malformed =
        "`Authorization` must be `Bearer`, or `Basic` with an id and a key as RFC 6749 encodes them";
    read_basic(line.as_bytes()).map(Some).ok_or_else(|| invalid(malformed, ChallengeScheme::Basic))
}

/// Id and secret of `Basic`: each encoded as in a form, joined by a colon, in base64 (RFC 6749, section 2.3.1).
fn read_basic(line: &[u8]) -> Option<ClientAuthentication> {
    let (scheme, encoded) = line.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let pair = BASE64.decode(encoded.trim_ascii()).map(Zeroizing::new).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (id, secret) = (decode(&pair[..colon])?, decode(&pair[colon + 1..])?);
    Some(ClientAuthentication::IdAndSecret { id, secret })
}

const fn invalid(detail: &'static str, scheme: ChallengeScheme) -> OAuthError {
    OAuthError::InvalidClient { detail, scheme }
}

fn copy(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(line: &str) -> Option<(String, String)> {
        match read_basic(line.as_bytes())? {
            ClientAuthentication::IdAndSecret { id, secret } => Some((id.to_string(), secret.to_string())),
            ClientAuthentication::None | ClientAuthentication::Bearer(_) => None,
        }
    }

    #[test]
    fn id_and_key_are_decoded_as_clients_of_oauth_encode_them() {
        let expected = Some(("a-b".to_owned(), "cfv_a.b:c+".to_owned()));
        // `a-b:cfv_a.b%3Ac%2B`, and with every other character escaped.
        assert_eq!(basic("Basic YS1iOmNmdl9hLmIlM0FjJTJC"), expected);
        assert_eq!(basic("basic  YSUyRGI6Y2Z2JTVGYSUyRWIlM0FjJTJC"), expected);
        // A colon in the secret is part of it (RFC 7617, section 2).
        assert_eq!(basic("Basic YTpiOmM=").unwrap().1, "b:c");
        assert_eq!(basic("Basic YTpiOmM").unwrap().1, "b:c");
    }

    #[test]
    fn a_malformed_header_is_rejected() {
        for bad in [
            "Basic",
            "Basic ",
            "Basic YQ==",
            "Basic YTpi=",
            "Basic YTpiOmM==",
            "Basic YTol",
            "Digest YTpi",
            "Basic Y_pi",
        ] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }
}
