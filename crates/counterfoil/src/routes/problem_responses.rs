//! The error responses of routes, for the OpenAPI document.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// A problem document (RFC 9457): the body of every error.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::routes) struct ProblemSchema {
    /// `<issuer>/problems/<name>`, as `https://auth.example/problems/invalid-token`.
    r#type: String,
    /// The name with `_` for `-`, as `invalid_token`: stable, for programs.
    code: String,
    title: String,
    status: u16,
    detail: Option<String>,
    /// The id of the request in the server's log.
    request_id: Option<String>,
    /// What is wrong with each field.
    errors: Option<Vec<FieldErrorSchema>>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldError)]
pub(in crate::routes) struct FieldErrorSchema {
    field: String,
    detail: String,
}

macro_rules! problem_responses {
    ($($name:ident = $status:literal, $description:literal;)*) => {$(
        #[doc = $description]
        pub(in crate::routes) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                problem_response($status, $description)
            }
        }
    )*};
}

problem_responses! {
    BadRequest = "400", "The request is malformed, or has two different credentials";
    Unauthorized = "401", "The credential is missing or invalid";
    Forbidden = "403", "Not allowed, or a cross-site write";
    NotFound = "404", "There is no such resource";
    RequestTimeout = "408", "The body was not received in time";
    Conflict = "409", "The resource exists already";
    LastAdministrator = "409", "The user is the last administrator";
    PreconditionFailed = "412", "The session data has another revision";
    TooLarge = "413", "The body or the resulting session data is too large";
    UnsupportedMediaType = "415", "The content type is not supported";
    InvalidFields = "422", "A field is invalid";
    TooManyRequests = "429", "Rate-limited; see Retry-After";
    Unavailable = "503", "Unavailable at present; see Retry-After";
}

fn problem_response(status: &str, description: &str) -> BTreeMap<String, RefOr<Response>> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response =
        ResponseBuilder::new().description(description).content("application/problem+json", content).build();
    BTreeMap::from([(status.to_owned(), response.into())])
}
