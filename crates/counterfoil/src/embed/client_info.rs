//! The extractor [`ClientInfo`]: who sends a login, and the cookies that the login replaces.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use counterfoil_core::model::session::ClientInfo as CoreClientInfo;
use counterfoil_verify::{Problem, check_csrf, is_safe_method};

use crate::app::App;
use crate::http::client_info::clean_user_agent;

/// The client of a request: its IP address, its `User-Agent`, and the credential cookies that it has.
///
/// A handler that logs a user in, registers one or refreshes takes it as an argument. The route must be behind
/// [`Counterfoil::layer`](crate::Counterfoil::layer).
///
/// Extracting it refuses cross-site writes with 403, also without a cookie: an attacker's page could otherwise log the
/// user in as the attacker, and would then see what the user enters (login CSRF). `GET`, `HEAD` and `OPTIONS` are not
/// checked: log users in on `POST` routes.
///
/// Without `into_make_service_with_connect_info::<SocketAddr>()` or [`serve`](crate::serve) there is no IP address, and
/// failed logins are limited by account alone.
#[derive(Debug, Clone, Default)]
pub struct ClientInfo {
    info: CoreClientInfo,
    /// The `Cookie` headers alone.
    cookies: HeaderMap,
}

impl ClientInfo {
    /// A client that was determined in another way, for example in a test. It has no cookies.
    pub fn new(ip: Option<IpAddr>, user_agent: Option<String>) -> Self {
        let user_agent = user_agent.as_deref().and_then(clean_user_agent);
        Self { info: CoreClientInfo { ip, user_agent }, cookies: HeaderMap::new() }
    }

    /// The IP address. Behind trusted proxies it is the one that they report.
    pub fn ip(&self) -> Option<IpAddr> {
        self.info.ip
    }

    /// The `User-Agent`, at most 256 bytes.
    pub fn user_agent(&self) -> Option<&str> {
        self.info.user_agent.as_deref()
    }

    pub(super) fn to_core(&self) -> CoreClientInfo {
        self.info.clone()
    }

    pub(super) fn cookies(&self) -> &HeaderMap {
        &self.cookies
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientInfo {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let Some(app) = App::from_extensions(&parts.extensions) else {
            return Err(Problem::missing_auth_layer().for_request(&parts.extensions).into_response());
        };
        if !is_safe_method(&parts.method) {
            let has_cookie = app.parts.cookies.names().any_present(&parts.headers);
            check_csrf(&parts.method, &parts.headers, &app.parts.origins, has_cookie)
                .map_err(|error| Problem::from(error).for_request(&parts.extensions).into_response())?;
        }
        let Ok(info) = CoreClientInfo::from_request_parts(parts, &app).await;
        let cookies = parts.headers.get_all(COOKIE).into_iter();
        let cookies = cookies.map(|value| (COOKIE, sensitive(value))).collect();
        Ok(Self { info, cookies })
    }
}

/// The value, which debug output hides.
fn sensitive(value: &HeaderValue) -> HeaderValue {
    let mut value = value.clone();
    value.set_sensitive(true);
    value
}
