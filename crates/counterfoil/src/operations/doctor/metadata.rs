//! The documents by which verifiers find the keys.

use serde_json::Value;

use crate::operations::doctor::row::Row;

/// What became of the request for a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// JSON with status 200.
    Json(Value),
    /// Another answer: its status.
    Status(u16),
    /// No answer, or no JSON.
    Unreadable,
}

/// Whether the metadata name the issuer by `url`, byte for byte (RFC 8414, section 3.3).
pub fn issuer(url: &str, metadata: &Document) -> Row {
    let mend = |issuer: &str| format!("issuer = \"{url}\" if clients use that URL; else give them {issuer}");
    match metadata {
        Document::Json(metadata) => match metadata["issuer"].as_str() {
            Some(issuer) if issuer == url => Row::good("issuer", issuer),
            Some(issuer) => {
                Row::wrong("issuer", format!("{issuer}, which is not byte for byte {url}"), mend(issuer))
            }
            None => Row::wrong("issuer", "the metadata name none", missing_metadata(url)),
        },
        Document::Status(status) => Row::wrong(
            "issuer",
            format!("the metadata were answered with status {status}"),
            missing_metadata(url),
        ),
        Document::Unreadable => Row::wrong("issuer", "the metadata are not JSON", missing_metadata(url)),
    }
}

fn missing_metadata(url: &str) -> String {
    format!("let the proxy pass on {url}/.well-known/oauth-authorization-server")
}

/// The URL of the key set, if it is below the origin of the issuer.
pub fn jwks_uri<'a>(origin: &str, metadata: &'a Document) -> Option<&'a str> {
    let Document::Json(metadata) = metadata else { return None };
    let uri = metadata["jwks_uri"].as_str()?;
    let rest = uri.strip_prefix(origin)?;
    rest.starts_with('/').then_some(uri)
}

/// Whether the key set can be read.
pub fn key_set(uri: Option<&str>, keys: &Document) -> Row {
    let check = "public keys";
    let Some(uri) = uri else {
        let seen = "the metadata name no `jwks_uri` at the origin of the issuer";
        let mend = "mend the row `issuer` first; if it is good, the metadata come from another server or were changed by the proxy";
        return Row::wrong(check, seen, mend);
    };
    let mend = format!("let the proxy pass on {uri}");
    match keys {
        Document::Json(keys) => match keys["keys"].as_array().map(Vec::len) {
            // With a shared secret there are no public keys.
            Some(count) => Row::good(check, format!("{count} at {uri}")),
            None => Row::wrong(check, format!("{uri} is not a key set"), mend),
        },
        Document::Status(status) => {
            Row::wrong(check, format!("{uri} was answered with status {status}"), mend)
        }
        Document::Unreadable => Row::wrong(check, format!("{uri} is not JSON"), mend),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operations::doctor::row::Verdict::{Good, Wrong};

    const URL: &str = "https://auth.example";

    #[test]
    fn the_issuer_is_equal_byte_for_byte() {
        for (document, expected) in [
            (Document::Json(json!({ "issuer": URL })), Good),
            (Document::Json(json!({ "issuer": "https://auth.example/" })), Wrong),
            (Document::Json(json!({ "issuer": "http://auth.example" })), Wrong),
            (Document::Json(json!({})), Wrong),
            (Document::Status(404), Wrong),
            (Document::Unreadable, Wrong),
        ] {
            assert_eq!(issuer(URL, &document).verdict, expected, "{document:?}");
        }
    }

    #[test]
    fn the_key_set_is_fetched_from_the_issuer_only() {
        let named = |uri: &str| Document::Json(json!({ "jwks_uri": uri }));

        let uri = "https://auth.example/.well-known/jwks.json";
        assert_eq!(jwks_uri(URL, &named(uri)), Some(uri));
        for other in ["https://other.example/keys", "https://auth.example.evil.example/keys", "/keys"] {
            assert_eq!(jwks_uri(URL, &named(other)), None, "{other}");
        }
        assert_eq!(key_set(Some(uri), &Document::Json(json!({ "keys": [] }))).verdict, Good);
        assert_eq!(key_set(Some(uri), &Document::Json(json!({}))).verdict, Wrong);
        assert_eq!(key_set(None, &Document::Unreadable).verdict, Wrong);
        assert_eq!(key_set(Some(uri), &Document::Status(502)).verdict, Wrong);
    }
}
