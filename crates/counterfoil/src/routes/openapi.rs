//! `GET /openapi.json`: the contract as a document, generated from the code that keeps it.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use counterfoil_verify::CookieNames;

use crate::routes::responses::{FieldView, ProblemView};
use crate::routes::well_known::PUBLIC;
use crate::routes::{
    admin, login, logout, me, operations, password, refresh, register, session_data, sessions, token,
    well_known,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Counterfoil",
        description = "Sessions, JWTs and the hybrid from one login. Times are Unix seconds, durations seconds. A \
                       write from another site is refused by `Origin` and `Sec-Fetch-Site` before its body is read."
    ),
    paths(
        register::register, login::login, refresh::refresh, logout::logout,
        me::me, token::token, sessions::list, sessions::end_one, sessions::end_all,
        session_data::show, session_data::merge, password::change,
        well_known::jwks, well_known::metadata, document,
        operations::healthz, operations::readyz,
        admin::users::list, admin::users::add, admin::users::show, admin::users::change, admin::users::remove,
        admin::users::sessions, admin::clients::list, admin::clients::add, admin::clients::show,
        admin::clients::change, admin::admin_keys::list, admin::admin_keys::add, admin::admin_keys::remove,
        admin::keys::list, admin::keys::rotate, admin::keys::revoke, admin::events::list,
        admin::revocations::revoke,
    ),
    components(schemas(ProblemView, FieldView)),
    modifiers(&Carried),
)]
struct Contract;

/// The document as it is sent. It is large and the same for all, so it is made once, and whoever is slow to read it
/// holds no copy of his own.
static SENT: LazyLock<Bytes> = LazyLock::new(|| {
    let document = serde_json::to_vec(&Contract::openapi());
    document.expect("a document of texts and numbers is JSON").into()
});

/// The ways to show who is calling.
struct Carried;

impl Modify for Carried {
    fn modify(&self, document: &mut Document) {
        let CookieNames { session, access, .. } = CookieNames::secure();
        let components = document.components.get_or_insert_default();
        let cookie = |name: &str| SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(name)));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components.add_security_scheme("session", cookie(session));
        components.add_security_scheme("access", cookie(access));
    }
}

/// The document (OpenAPI 3.1) as JSON, the same for every installation.
///
/// ```
/// let document = counterfoil::openapi();
/// assert_eq!(document["openapi"], "3.1.0");
/// assert!(document["paths"]["/v1/login"]["post"].is_object());
/// ```
pub fn openapi() -> serde_json::Value {
    serde_json::to_value(Contract::openapi()).expect("a document of texts and numbers is JSON")
}

/// Shows this document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "standards",
    responses((status = 200, description = "This document", body = Object))
)]
pub(super) async fn document() -> Response {
    ([PUBLIC, (CONTENT_TYPE, "application/json")], SENT.clone()).into_response()
}
