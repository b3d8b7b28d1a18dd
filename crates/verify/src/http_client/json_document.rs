//! One GET of a JSON document, on a connection of its own.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use crate::http_client::cache_control;
use crate::http_client::client::{HttpClient, read_body};
use crate::http_client::error::HttpError;
use crate::http_client::url::HttpUrl;

/// The largest document: a hundred RSA 4096 keys take half of it.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// A response whose content type is JSON, or whose body begins as a JSON object does.
#[derive(Debug)]
pub(crate) struct JsonDocument {
    pub(crate) body: Bytes,
    /// How long it is fresh, if it says so.
    pub(crate) fresh_for: Option<Duration>,
}

impl HttpClient {
    /// Fetches the JSON document at `url` on a new connection, because that happens only every few minutes. The caller
    /// must set a timeout.
    ///
    /// # Errors
    ///
    /// The response is not complete, its status is not 200, it is not JSON, or it is too large.
    pub(crate) async fn get_json(&self, url: &HttpUrl) -> Result<JsonDocument, HttpError> {
        let mut connection = self.connect(url).await?;
        let (head, body) = connection.send(url, request(url)).await?.into_parts();
        check_status(head.status)?;
        let declared = declared_type(&head.headers)?;
        let body = read_body(body, MAX_BODY_BYTES).await?;
        if declared == DeclaredType::Other && !body.trim_ascii_start().starts_with(b"{") {
            return Err(HttpError::ContentType);
        }
        Ok(JsonDocument { body, fresh_for: cache_control::fresh_for(&head.headers) })
    }
}

fn request(url: &HttpUrl) -> Request<Full<Bytes>> {
    Request::get(url.path_and_query())
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .body(Full::default())
        .expect("a parsed URL has a path")
}

fn check_status(status: StatusCode) -> Result<(), HttpError> {
    match status {
        StatusCode::OK => Ok(()),
        status if status.is_redirection() => Err(HttpError::Redirect(status.as_u16())),
        status => Err(HttpError::Status(status.as_u16())),
    }
}

/// What the content type of a response says about its body.
#[derive(Debug, PartialEq, Eq)]
enum DeclaredType {
    Json,
    /// Nothing, or another type. Many file servers send a key set as `text/plain` or `application/octet-stream`.
    Other,
}

/// Reads the content type.
///
/// # Errors
///
/// [`HttpError::ContentType`] for a page: it is, for example, the login form of a proxy.
fn declared_type(headers: &HeaderMap) -> Result<DeclaredType, HttpError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    match subtype {
        "xhtml+xml" => Err(HttpError::ContentType),
        _ if essence == "text/html" => Err(HttpError::ContentType),
        "json" => Ok(DeclaredType::Json),
        subtype if subtype.ends_with("+json") => Ok(DeclaredType::Json),
        _ => Ok(DeclaredType::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(content_type: &str) -> Option<DeclaredType> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
        declared_type(&headers).ok()
    }

    #[test]
    fn a_page_is_refused_and_only_json_types_count_as_json() {
        for json in ["application/json", "application/jwk-set+json", "Application/JSON; charset=utf-8"] {
            assert_eq!(declared(json), Some(DeclaredType::Json), "{json}");
        }
        for other in
            ["", "text/json", "application/jsonp", "application/", "json", "text/plain; charset=utf-8"]
        {
            assert_eq!(declared(other), Some(DeclaredType::Other), "{other}");
        }
        for page in ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"] {
            assert_eq!(declared(page), None, "{page}");
        }
        assert_eq!(declared_type(&HeaderMap::new()).unwrap(), DeclaredType::Other);
    }
}
