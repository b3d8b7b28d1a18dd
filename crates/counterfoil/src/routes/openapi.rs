//! `GET /openapi.json`: the contract as a document, generated from the code that keeps it.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use counterfoil_verify::CookieNames;

use crate::routes::well_known::PUBLIC;
use crate::routes::{
    admin, login, logout, me, operations, password, refresh, register, session_data, sessions, token,
    well_known,
};

/// What every refusal and failure looks like (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct ProblemView {
    /// A stable path: `/problems/invalid-credential`.
    r#type: String,
    title: String,
    status: u16,
    detail: Option<String>,
    /// By what the log of the server names the request.
    request_id: Option<String>,
    /// What is wrong with which field.
    errors: Option<Vec<FieldView>>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldError)]
struct FieldView {
    field: String,
    detail: String,
}

macro_rules! problems {
    ($($name:ident = $status:literal, $description:literal;)*) => {$(
        #[doc = $description]
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Described>> {
                described($status, $description)
            }
        }
    )*};
}

problems! {
    BadRequest = "400", "Malformed, or two different credentials";
    Unauthorized = "401", "The credential is missing or not good";
    Forbidden = "403", "Not allowed, or a write from another site";
    NotFound = "404", "There is nothing here";
    Conflict = "409", "Taken";
    PreconditionFailed = "412", "The data are at another revision";
    TooLarge = "413", "The body, or what would come of it, is too large";
    UnsupportedType = "415", "The type of the body is not taken";
    InvalidFields = "422", "A field is wrong";
    TooManyRequests = "429", "Too often; see Retry-After";
    Unavailable = "503", "Not now; see Retry-After";
}

fn described(status: &str, description: &str) -> BTreeMap<String, RefOr<Described>> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response =
        ResponseBuilder::new().description(description).content("application/problem+json", content).build();
    BTreeMap::from([(status.to_owned(), response.into())])
}

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
    ([PUBLIC], Json(Contract::openapi())).into_response()
}
