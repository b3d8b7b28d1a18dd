//! Finds the key set through the issuer's metadata (RFC 8414; OpenID Connect Discovery).

use serde::Deserialize;

use counterfoil_jose::json;

use crate::http_client::url::{HttpUrl, HttpUrlError};
use crate::jwks::error::FetchError;

/// The members that are used; all others are ignored.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// The URLs where the metadata of `issuer` may be, in the order to try: by RFC 8414, section 3.1, then by
/// OpenID Connect Discovery, section 4.
///
/// # Errors
///
/// The issuer is not a URL that may be fetched.
pub(crate) fn metadata_urls(issuer: &str) -> Result<[HttpUrl; 2], HttpUrlError> {
    let plain = issuer.strip_suffix('/').unwrap_or(issuer);
    let scheme_end = plain.find("://").ok_or(HttpUrlError::NotHttpUrl)? + "://".len();
    let path_at = plain[scheme_end..].find('/').map_or(plain.len(), |at| scheme_end + at);
    let (origin, path) = plain.split_at(path_at);
    let inserted = format!("{origin}/.well-known/oauth-authorization-server{path}");
    let appended = format!("{plain}/.well-known/openid-configuration");
    Ok([inserted.parse()?, appended.parse()?])
}

/// The `jwks_uri` of the metadata of `issuer`, which was fetched from `from`.
///
/// # Errors
///
/// The metadata is malformed or does not name `issuer`, byte for byte, or its `jwks_uri` is not acceptable.
pub(crate) fn jwks_url(body: &[u8], issuer: &str, from: &HttpUrl) -> Result<HttpUrl, FetchError> {
    let metadata: Metadata = json::parse_object(body).map_err(FetchError::Malformed)?;
    if metadata.issuer != issuer {
        return Err(FetchError::IssuerMismatch);
    }
    let url: HttpUrl = metadata.jwks_uri.parse().map_err(FetchError::JwksUri)?;
    // Otherwise an issuer on the network could direct requests to local ports of the verifier's machine.
    if from.is_https() && !url.is_https() {
        return Err(FetchError::JwksUri(HttpUrlError::InsecureHttp));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://auth.example";

    fn read(issuer: &str, jwks_uri: &str) -> Result<HttpUrl, FetchError> {
        let body = serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri, "other": [1] }).to_string();
        jwks_url(body.as_bytes(), ISSUER, &metadata_urls(ISSUER).unwrap()[0])
    }

    #[test]
    fn metadata_urls_follow_both_standards() {
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
            let urls = metadata_urls(issuer).unwrap();
            assert_eq!(urls.each_ref().map(HttpUrl::path_and_query), [inserted, appended]);
        }
        assert_eq!(metadata_urls("http://auth.example"), Err(HttpUrlError::InsecureHttp));
        assert_eq!(metadata_urls("auth.example"), Err(HttpUrlError::NotHttpUrl));
    }

    #[test]
    fn metadata_of_another_issuer_is_refused() {
        let keys = "https://keys.example/jwks.json";
        assert_eq!(read(ISSUER, keys).unwrap().to_string(), keys);

        for other in ["https://auth.example/", "https://AUTH.example", "https://auth.example.evil", ""] {
            assert!(matches!(read(other, keys), Err(FetchError::IssuerMismatch)), "{other}");
        }
    }

    #[test]
    fn a_jwks_uri_to_a_file_or_a_local_port_is_refused() {
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
