//! `GET /openapi.json`: the OpenAPI document.
//!
//! It is read from files, of which a test says whether they are what the routes are documented with.

#[cfg_attr(not(test), expect(dead_code, reason = "only the test makes the documents"))]
mod from_code;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use miniz_oxide::inflate::decompress_to_vec_zlib;
use serde_json::{Value, json};

use counterfoil_verify::CookieNames;

use crate::app::App;
use crate::http::response_headers::READABLE_BY_ALL;
use crate::routes::well_known::CACHE_FIVE_MINUTES;

/// The document without the routes of administrators, compressed by the build script.
const PUBLIC: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/public.json.zlib"));

/// The paths and the components of the routes of administrators, compressed likewise.
#[cfg(feature = "admin")]
const ADMIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/admin.json.zlib"));

/// The OpenAPI 3.1 document as JSON, for an installation with an https issuer, the default cookies and no base path.
/// The route `/openapi.json` of an installation has its own cookie names, and its URL if the API is below a path.
///
/// ```
/// let document = counterfoil::openapi();
/// assert_eq!(document["openapi"], "3.1.0");
/// assert!(document["paths"]["/v1/login"]["post"].is_object());
/// ```
pub fn openapi() -> Value {
    #[cfg_attr(
        not(feature = "admin"),
        expect(unused_mut, reason = "only the routes of administrators are added")
    )]
    let mut document = decompress(PUBLIC);
    #[cfg(feature = "admin")]
    merge(&mut document, decompress(ADMIN));
    document
}

fn decompress(document: &[u8]) -> Value {
    let json = decompress_to_vec_zlib(document).expect("the build script has compressed it");
    serde_json::from_slice(&json).expect("the file is JSON, as a test checks")
}

/// Adds the members of `other`, at every level.
#[cfg(feature = "admin")]
fn merge(value: &mut Value, other: Value) {
    match (value, other) {
        (Value::Object(members), Value::Object(others)) => {
            others
                .into_iter()
                .for_each(|(name, other)| merge(members.entry(name).or_insert(Value::Null), other));
        }
        (value, other) => *value = other,
    }
}

/// Names the cookies of the security schemes.
fn name_cookies(document: &mut Value, names: &CookieNames) {
    let schemes = &mut document["components"]["securitySchemes"];
    for (scheme, cookie) in
        [("session", names.session()), ("access", names.access()), ("refresh", names.refresh())]
    {
        schemes[scheme]["name"] = cookie.into();
    }
}

impl App {
    /// The document of this installation: it names the cookies as configured, and the URL of the API if that has a
    /// path. Without `servers`, clients would take the root of the origin.
    fn openapi(&self) -> Value {
        let mut document = openapi();
        name_cookies(&mut document, self.parts.cookies.names());
        let url = self.settings().api_url();
        if url != self.settings().issuer.origin().as_str() {
            document["servers"] = json!([{ "url": url }]);
        }
        document
    }

    /// The serialized document. It is large, so it is made once and shared by all responses: a slow client holds no
    /// copy.
    fn serialized_openapi(&self) -> Bytes {
        self.parts.openapi.get_or_init(|| self.openapi().to_string().into()).clone()
    }
}

/// Returns the OpenAPI 3.1 document of this API.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi_document", tag = "standards",
    responses((status = 200, description = "The document", body = Object))
)]
pub(super) async fn document(State(app): State<App>) -> Response {
    let headers = [CACHE_FIVE_MINUTES, (CONTENT_TYPE, "application/json")];
    (READABLE_BY_ALL, headers, app.serialized_openapi()).into_response()
}
