//! `GET /openapi.json`: the OpenAPI document, generated from the routes.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{RefOr, ServerBuilder};
use utoipa::{Modify, OpenApi};

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_verify::CookieNames;

use crate::app::App;
use crate::http::oauth_error::OAuthErrorBody;
use crate::http::problem_types;
use crate::http::response_headers::READABLE_BY_ALL;
#[cfg(feature = "admin")]
use crate::routes::admin;
use crate::routes::problem_responses::{FieldErrorSchema, ProblemSchema};
use crate::routes::well_known::CACHE_FIVE_MINUTES;
use crate::routes::{
    activity, feed, forward_auth, health, host_login, login, logout, me, oauth, password, problems, refresh,
    register, session_data, sessions, status_lists, token, well_known,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Counterfoil",
        description = "Authentication with sessions, JWTs or both. Times are Unix seconds, durations are seconds. \
                       Cross-site writes are rejected by `Origin` and `Sec-Fetch-Site` before the body is read."
    ),
    paths(
        register::register, login::login, refresh::refresh, logout::logout,
        me::me, token::exchange, sessions::list, activity::list, sessions::show, sessions::rename, sessions::end_one, sessions::end_all,
        session_data::show, session_data::merge, password::change,
        feed::poll, feed::stream, status_lists::aggregation, status_lists::list,
        oauth::introspect::introspect, oauth::revoke::revoke,
        forward_auth::verify, forward_auth::verify_with_options,
        host_login::start, host_login::issue, host_login::callback, host_login::log_out,
        well_known::jwks, well_known::metadata, document, problems::page,
        health::healthz, health::readyz,
    ),
    components(schemas(ProblemSchema, FieldErrorSchema, OAuthErrorBody)),
    modifiers(&SecuritySchemes),
)]
struct PublicDocument;

/// The routes of administrators.
#[cfg(feature = "admin")]
#[derive(OpenApi)]
#[openapi(paths(
    admin::users::list,
    admin::users::add,
    admin::users::show,
    admin::users::change,
    admin::users::remove,
    admin::users::sessions,
    admin::sessions::list,
    admin::clients::list,
    admin::clients::add,
    admin::clients::show,
    admin::clients::change,
    admin::admin_keys::list,
    admin::admin_keys::add,
    admin::admin_keys::remove,
    admin::nodes::list,
    admin::doctor::add_probe,
    admin::doctor::request,
    admin::doctor::events,
    admin::verifiers::list,
    admin::verifier_keys::list,
    admin::verifier_keys::add,
    admin::verifier_keys::remove,
    admin::keys::list,
    admin::keys::rotate,
    admin::keys::revoke,
    admin::events::list,
    admin::live::stream,
    admin::rate_limits::show,
    admin::rate_limits::release,
    admin::revocations::list,
    admin::revocations::revoke,
))]
struct AdminDocument;

/// The OpenAPI document of all routes of this build.
fn document_of_build() -> Document {
    let mut document = PublicDocument::openapi();
    #[cfg(feature = "admin")]
    document.merge(AdminDocument::openapi());
    let kinds: Vec<_> = AuditEventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    list_values(&mut document, "ActivityEvent", "kind", &kinds);
    #[cfg(feature = "admin")]
    list_values(&mut document, "AuditEvent", "kind", &kinds);
    let codes: Vec<_> = problem_types::ALL.iter().map(|problem| problem.name.replace('-', "_")).collect();
    list_values(&mut document, "Problem", "code", &codes);
    document
}

/// Lists the values of a string member, so that the types of clients can name them.
fn list_values(document: &mut Document, schema: &str, member: &str, values: &[String]) {
    let schemas = document.components.get_or_insert_default().schemas.get_mut(schema);
    let Some(RefOr::T(Schema::Object(schema))) = schemas else { return };
    let Some(RefOr::T(Schema::Object(member))) = schema.properties.get_mut(member) else { return };
    member.enum_values = Some(values.iter().cloned().map(Into::into).collect());
}

/// Adds the ways to present a credential.
struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components.add_security_scheme("verifier", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
        name_cookies(document, &CookieNames::secure());
    }
}

/// Names the cookies of the security schemes.
fn name_cookies(document: &mut Document, names: &CookieNames) {
    let components = document.components.get_or_insert_default();
    let cookie = |name: &str| SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(name)));
    components.add_security_scheme("session", cookie(names.session()));
    components.add_security_scheme("access", cookie(names.access()));
    components.add_security_scheme("refresh", cookie(names.refresh()));
}

impl App {
    /// The document of this installation: it names the cookies as configured, and the URL of the API if that has a
    /// path. Without `servers`, clients would take the root of the origin.
    fn openapi(&self) -> Document {
        let mut document = document_of_build();
        name_cookies(&mut document, self.parts.cookies.names());
        let url = self.settings().api_url();
        if url != self.settings().issuer.origin().as_str() {
            document.servers = Some(vec![ServerBuilder::new().url(url).build()]);
        }
        document
    }

    /// The serialized document. It is large, so it is made once and shared by all responses: a slow client holds no
    /// copy.
    fn serialized_openapi(&self) -> Bytes {
        let serialize =
            || serde_json::to_vec(&self.openapi()).expect("an OpenAPI document always serializes");
        self.parts.openapi.get_or_init(|| serialize().into()).clone()
    }
}

/// The OpenAPI 3.1 document as JSON, for an installation with an https issuer, the default cookies and no base path.
/// The route `/openapi.json` of an installation has its own cookie names, and its URL if the API is below a path.
///
/// ```
/// let document = counterfoil::openapi();
/// assert_eq!(document["openapi"], "3.1.0");
/// assert!(document["paths"]["/v1/login"]["post"].is_object());
/// ```
pub fn openapi() -> serde_json::Value {
    serde_json::to_value(document_of_build()).expect("an OpenAPI document always serializes")
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
