//! The OpenAPI documents, as `utoipa` makes them from the routes. Only the test makes them: the code that builds them is thirty
//! times as large as they are.

use serde_json::Value;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_verify::CookieNames;

use crate::http::oauth_error::OAuthErrorBody;
use crate::http::problem_types;
#[cfg(feature = "admin")]
use crate::routes::admin;
use crate::routes::problem_responses::{FieldErrorSchema, ProblemSchema};
use crate::routes::{
    activity, feed, forward_auth, health, host_login, login, logout, me, oauth, openapi, password, problems,
    refresh, register, session_data, sessions, status_lists, token, well_known,
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
        well_known::jwks, well_known::metadata, openapi::document, problems::page,
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

/// The document of `api`, in which the types of clients can name the kinds and the codes.
fn document<A: OpenApi>() -> Value {
    let mut document = A::openapi();
    let kinds: Vec<_> = AuditEventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    list_values(&mut document, "ActivityEvent", "kind", &kinds);
    list_values(&mut document, "AuditEvent", "kind", &kinds);
    let codes: Vec<_> = problem_types::ALL.iter().map(|problem| problem.name.replace('-', "_")).collect();
    list_values(&mut document, "Problem", "code", &codes);
    serde_json::to_value(document).expect("an OpenAPI document always serializes")
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

/// The documents by the name of their files.
#[cfg(not(feature = "admin"))]
fn documents() -> Vec<(&'static str, Value)> {
    vec![("public.json", document::<PublicDocument>())]
}

/// The documents by the name of their files.
#[cfg(feature = "admin")]
fn documents() -> Vec<(&'static str, Value)> {
    let mut admin = document::<AdminDocument>();
    // The rest is that of the other document.
    if let Some(members) = admin.as_object_mut() {
        members.retain(|name, _| name == "paths" || name == "components");
    }
    vec![("public.json", document::<PublicDocument>()), ("admin.json", admin)]
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use super::*;

    #[test]
    fn the_openapi_documents_are_those_of_the_routes() {
        for (name, document) in documents() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi").join(name);
            if env::var_os("COUNTERFOIL_WRITE_DOCS").is_some() {
                fs::write(&file, format!("{document:#}\n")).unwrap();
            }
            let written: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            assert!(
                written == document,
                "crates/counterfoil/openapi/{name} is stale: COUNTERFOIL_WRITE_DOCS=1 cargo test -p counterfoil \
                 --all-features --lib openapi writes it"
            );
        }
    }
}
