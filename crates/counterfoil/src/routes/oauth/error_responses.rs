//! The error responses of the endpoints of OAuth, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

use crate::http::oauth_error::OAuthErrorBody;

macro_rules! oauth_responses {
    ($($name:ident = $status:literal, $description:literal;)*) => {$(
        #[doc = $description]
        pub(in crate::routes) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                oauth_response($status, $description)
            }
        }
    )*};
}

// As the problems of the other routes: each sentence ends with the codes that it explains.
oauth_responses! {
    BadRequest = "400", "The request is malformed, repeats a parameter, has one in the URL, names no host, or authenticates by two \
                         methods: `invalid_request`";
    RevocationBadRequest = "400", "The request is malformed, repeats a parameter, has one in the URL, or names no host: \
                                   `invalid_request`. The token was issued to another client: `invalid_grant`. It is the \
                                   key of a program: `unsupported_token_type`";
    Unauthorized = "401", "The caller did not authenticate with a valid key: `invalid_client`";
    RevocationUnauthorized = "401", "The request authenticates a client, and all clients are public ones: `invalid_client`";
    RequestTimeout = "408", "The body was not received in time: `invalid_request`";
    TooLarge = "413", "The body is too large: `invalid_request`";
    UnsupportedMediaType = "415", "The body is not a form: `invalid_request`";
    TooManyRequests = "429", "Rate-limited for the seconds in `Retry-After`: `temporarily_unavailable`";
    Unavailable = "503", "The server is overloaded, or its store cannot be used. The token may be valid: \
                          `temporarily_unavailable`";
}

fn oauth_response(status: &str, description: &str) -> BTreeMap<String, RefOr<Response>> {
    let content = Content::new(Some(Ref::from_schema_name(OAuthErrorBody::name())));
    let response =
        ResponseBuilder::new().description(description).content("application/json", content).build();
    BTreeMap::from([(status.to_owned(), response.into())])
}
