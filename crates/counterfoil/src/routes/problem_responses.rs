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
    /// The problem in a few words, always the same for a code.
    title: String,
    /// The status of the response.
    status: u16,
    /// What is wrong in this case, for people. It can change between versions.
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The id of the request in the server's log.
    #[schema(nullable = false)]
    request_id: Option<String>,
    /// What is wrong with each field.
    #[schema(nullable = false)]
    errors: Option<Vec<FieldErrorSchema>>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldError)]
pub(in crate::routes) struct FieldErrorSchema {
    /// The member of the body or the parameter of the query.
    field: String,
    /// What would be right, for people.
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

// A description consists of sentences that end with the codes of problems: "meaning: `code`, `code`. …". The same code has
// the same meaning everywhere. The tests compare the codes with the answers.
problem_responses! {
    BadRequest = "400", "The request is malformed: `malformed_body`. It names no host, or a malformed one: `invalid_host`. \
                         It has two different credentials: `ambiguous_credential`";
    Unauthorized = "401", "There is no credential: `credential_required`. The credential is invalid, expired or revoked: \
                           `invalid_token`";
    RecentLoginRequired = "401", "There is no credential: `credential_required`. The credential is invalid, expired or revoked: \
                                  `invalid_token`. The login is older than ten minutes: `insufficient_user_authentication`";
    LoginFailed = "401", "The username or the password is wrong, or the user is disabled; at a password change in a session, the \
                          current password is wrong: `invalid_credentials`";
    PasswordChangeFailed = "401", "The username or the password is wrong, or the user is disabled; at a password change \
                                   in a session, the current password is wrong: `invalid_credentials`. There is no \
                                   credential: `credential_required`. The credential is invalid, expired or revoked: \
                                   `invalid_token`";
    Forbidden = "403", "The caller is no administrator: `administrator_required`. A page of another site sent the \
                        request: `cross_site`";
    RegistrationForbidden = "403", "A page of another site sent the request: `cross_site`. Only administrators add \
                                    users: `registration_closed`. The application has its own users, and changes \
                                    their passwords itself: `users_of_application`";
    LoginForbidden = "403", "A page of another site sent the request: `cross_site`. The client does not exist, is \
                             disabled, or may not use the mode: `client_not_allowed`. The client may not have the scope \
                             or the audience: `not_granted`";
    RefreshForbidden = "403", "A page of another site sent the request: `cross_site`. The client may not have the scope or \
                               the audience: `not_granted`";
    ExchangeForbidden = "403", "A page of another site sent the request: `cross_site`. The client does not exist, is \
                                disabled, or may not use the mode: `client_not_allowed`. The client may not have the \
                                scope or the audience: `not_granted`. The scope of the credential does not allow this: \
                                `insufficient_scope`";
    AccountForbidden = "403", "A page of another site sent the request: `cross_site`. The scope of the credential does not \
                               allow this: `insufficient_scope`";
    PasswordChangeForbidden = "403", "A page of another site sent the request: `cross_site`. The scope of the credential \
                                      does not allow this: `insufficient_scope`. The client does not exist, is disabled, \
                                      or may not use the mode: `client_not_allowed`. The application has its own users, \
                                      and changes their passwords itself: `users_of_application`";
    InvalidProxyRequest = "400", "A header of the proxy is missing, repeated or malformed: `proxy_headers`. An option in the path \
                                  is unknown, malformed or repeated: `proxy_options`. It names no host, or a malformed \
                                  one: `invalid_host`. It has two different credentials: `ambiguous_credential`";
    ForwardAuthForbidden = "403", "The user has none of the roles: `forbidden`. The scope of the credential does not allow \
                                   this: `insufficient_scope`. A page of another site sent the request: `cross_site`. The host is not \
                                   guarded: `host_not_guarded`. The peer is no proxy: `untrusted_proxy`. It has two different \
                                   credentials: `ambiguous_credential`";
    HostLoginBadRequest = "400", "A header of the proxy is missing, repeated or malformed: `proxy_headers`. It names no host, or a \
                                  malformed one: `invalid_host`. It has two different credentials: `ambiguous_credential`";
    GuardedHostForbidden = "403", "A page of another site sent the request: `cross_site`. The host is not guarded: \
                                   `host_not_guarded`. The peer is no proxy: `untrusted_proxy`";
    HostLoginForbidden = "403", "A page of another site sent the request: `cross_site`. The host is not guarded: \
                                 `host_not_guarded`. The scope of the credential does not allow this: `insufficient_scope`";
    HostLoginInvalid = "403", "The login was begun in another browser, or the code is not valid here or was used: \
                               `host_login_invalid`. A page of another site sent the request: `cross_site`. The host is \
                               not guarded: `host_not_guarded`. The peer is no proxy: `untrusted_proxy`";
    NotFound = "404", "There is no such resource: `not_found`";
    RequestTimeout = "408", "The body was not received in time: `request_timeout`";
    UsernameTaken = "409", "Another user has this username, or one that looks like it: `username_taken`";
    Conflict = "409", "Another resource has this id: `already_exists`. Another user has this username, or one that looks \
                       like it: `username_taken`";
    LastAdministrator = "409", "The user is the last administrator: `last_administrator`";
    PreconditionFailed = "412", "The session data does not have a required revision: `precondition_failed`";
    TooLarge = "413", "The body is too large: `body_too_large`";
    SessionDataTooLarge = "413", "The body is too large: `body_too_large`. The data of the session, or of all sessions of \
                                  the user, would be too large: `data_too_large`";
    UnsupportedMediaType = "415", "The content type is not supported: `unsupported_media_type`";
    InvalidFields = "422", "A member or parameter is invalid, and `errors` says which and why: `invalid_fields`";
    TooManyRequests = "429", "Rate-limited for the seconds in `Retry-After`: `too_many_requests`";
    Unavailable = "503", "The server is overloaded, or its store or clock cannot be used: `unavailable`. The request took too \
                          long: `timeout`. The revocations are out of date: `stale`";
}

fn problem_response(status: &str, description: &str) -> BTreeMap<String, RefOr<Response>> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response =
        ResponseBuilder::new().description(description).content("application/problem+json", content).build();
    BTreeMap::from([(status.to_owned(), response.into())])
}
