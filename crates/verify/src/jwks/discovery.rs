//! What an issuer says of itself, as far as it leads to its keys (RFC 8414; OpenID Connect Discovery).

use serde::Deserialize;

use counterfoil_jose::json;

use crate::jwks::error::FetchError;
use crate::jwks::url::{JwksUrl, JwksUrlError};

/// The members that we read; all others are ignored.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Where the metadata of `issuer` may be, in the order in which to ask: by RFC 8414, section 3.1, then by
/// OpenID Connect Discovery, section 4.
///
/// # Errors
///
/// An issuer that is no URL to ask.
pub(crate) fn metadata_urls(issuer: &str) -> Result<[JwksUrl; 2], JwksUrlError> {
    let plain = issuer.strip_suffix('/').unwrap_or(issuer);
    let scheme_end = plain.find("://").ok_or(JwksUrlError::NotHttpUrl)? + "://".len();
    let path_at = plain[scheme_end..].find('/').map_or(plain.len(), |at| scheme_end + at);
    let (origin, path) = plain.split_at(path_at);
    let inserted = format!("{origin}/.well-known/oauth-authorization-server{path}");
    let appended = format!("{plain}/.well-known/openid-configuration");
    Ok([inserted.parse()?, appended.parse()?])
}

/// Where the keys are, by the metadata of just this `issuer`, whose own location is `from`.
///
/// # Errors
///
/// Metadata that cannot be read or names another issuer, byte for byte; a location that is less
/// secure than the issuer, or none.
pub(crate) fn jwks_url(body: &[u8], issuer: &str, from: &JwksUrl) -> Result<JwksUrl, FetchError> {
    let metadata: Metadata = json::object(body).map_err(FetchError::Malformed)?;
    if metadata.issuer != issuer {
        return Err(FetchError::IssuerMismatch);
    }
    let url: JwksUrl = metadata.jwks_uri.parse().map_err(FetchError::JwksUri)?;
    // Else an issuer on the network could point at a port of the machine of whoever verifies.
    if from.is_https() && !url.is_https() {
        return Err(FetchError::JwksUri(JwksUrlError::InsecureHttp));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://auth.example";

    fn read(issuer: &str, jwks_uri: &str) -> Result<JwksUrl, FetchError> {
        let body = serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri, "other": [1] }).to_string();
        jwks_url(body.as_bytes(), ISSUER, &metadata_urls(ISSUER).unwrap()[0])
    }

    #[test]
    fn metadata_is_looked_for_where_both_standards_say() {
        for (issuer, inserted, appended) in [
            (ISSUER, "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"),
            (
                "https://id.example/realms/shop",
                "/.well-known/oauth-authorization-server/realms/shop",
                "/realms/shop/.well-known/openid-configuration",
            ),
            (
                "https://tenant.example/",
                "/.well-known/oauth-authorization-server",
                "/.well-known/openid-configuration",
            ),
        ] {
            let found = metadata_urls(issuer).unwrap();
            assert_eq!(found.each_ref().map(JwksUrl::path_and_query), [inserted, appended]);
        }
        assert_eq!(metadata_urls("http://auth.example"), Err(JwksUrlError::InsecureHttp));
        assert_eq!(metadata_urls("auth.example"), Err(JwksUrlError::NotHttpUrl));
    }

    #[test]
    fn metadata_of_another_issuer_is_not_believed() {
        let keys = "https://keys.example/jwks.json";
        assert_eq!(read(ISSUER, keys).unwrap().to_string(), keys);

        for other in ["https://auth.example/", "https://AUTH.example", "https://auth.example.evil", ""] {
            assert!(matches!(read(other, keys), Err(FetchError::IssuerMismatch)), "{other}");
        }
    }

    #[test]
    fn metadata_leads_to_no_file_and_to_no_port_of_ours() {
        for bad in ["file:///etc/passwd", "http://127.0.0.1:6379/", "http://keys.example/k", "/jwks.json"] {
            assert!(matches!(read(ISSUER, bad), Err(FetchError::JwksUri(_))), "{bad}");
        }
    }

    #[test]
    fn metadata_with_two_issuers_is_refused() {
        let body =
            br#"{"issuer":"https://auth.example","issuer":"https://auth.example","jwks_uri":"https://a"}"#;
        let from = &metadata_urls(ISSUER).unwrap()[0];

        assert!(matches!(jwks_url(body, ISSUER, from), Err(FetchError::Malformed(_))));
    }
}
