//! What every route may answer besides what was asked for, as the document tells it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::{Content, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// What every refusal and failure looks like (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::routes) struct ProblemView {
    /// A stable path: `<issuer>/problems/invalid-token`.
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
pub(in crate::routes) struct FieldView {
    field: String,
    detail: String,
}

macro_rules! problems {
    ($($name:ident = $status:literal, $description:literal;)*) => {$(
        #[doc = $description]
        pub(in crate::routes) struct $name;

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
    TooSlow = "408", "The body did not come in time";
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
