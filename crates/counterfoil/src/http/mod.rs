//! Extractors, middleware, cookies and error responses that the routes share.

pub(crate) mod body_error;
pub(crate) mod client_authentication;
pub(crate) mod client_info;
pub(crate) mod client_ip;
pub(crate) mod cookie_scopes;
pub(crate) mod cors;
pub(crate) mod current_user;
#[cfg(feature = "admin")]
pub(crate) mod doctor_view;
pub(crate) mod entity_tags;
pub(crate) mod error;
#[cfg(feature = "admin")]
pub(crate) mod event_stream;
pub(crate) mod form_body;
pub(crate) mod form_fields;
mod form_urlencoded;
pub(crate) mod host;
pub(crate) mod host_layer;
pub(crate) mod json_body;
mod json_numbers;
mod json_shape;
pub(crate) mod logout_request;
pub(crate) mod oauth_error;
pub(crate) mod path;
pub(crate) mod presented_sessions;
pub(crate) mod problem_types;
#[cfg(feature = "pages")]
pub(crate) mod redirect;
pub(crate) mod refusal_notes;
pub(crate) mod request_log;
#[cfg(feature = "pages")]
pub(crate) mod require_sign_in;
pub(crate) mod response_headers;
#[cfg(feature = "pages")]
pub(crate) mod return_to;
pub(crate) mod scope;
pub(crate) mod session_data;
pub(crate) mod set_cookie;
pub(crate) mod timeout;
#[cfg(feature = "otel")]
pub(crate) mod trace_context;
