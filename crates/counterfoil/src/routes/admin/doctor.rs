//! `/v1/doctor/…`: what the server sees of a request that came through proxies, for `counterfoil doctor`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use hyper::body::Frame;
use tokio::time::{Interval, interval};

use counterfoil_verify::{AuthError, CredentialSource, InvalidReason, bearer_token};

use crate::app::App;
use crate::http::client_info::request_ip;
use crate::http::doctor_view::view;
use crate::http::error::AppError;
use crate::http::set_cookie::page_cookie::PageCookie;
use crate::operations::admin::responses::DoctorProbeResponse;
use crate::operations::doctor::probe;
use crate::operations::doctor::server_view::ServerView;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{BadRequest, Forbidden, TooManyRequests, Unauthorized, Unavailable};

/// How long a browser keeps the cookie, if the examination does not clear it.
const COOKIE_LIFETIME: Duration = Duration::from_secs(60);

/// How many events are sent.
const EVENTS: u32 = 5;

/// How long after one event the next one is sent.
const EVENT_INTERVAL: Duration = Duration::from_millis(500);

/// A request with a probe. Requests are counted by client IP before the probe is looked at.
#[derive(Debug)]
pub(in crate::routes) struct Probe;

impl FromRequestParts<App> for Probe {
    type Rejection = AppError;

    /// A probe is accepted as a bearer token only, and by these routes only.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let now = app.now();
        app.parts.doctor_rate_limiter.count(request_ip(parts, app), now)?;
        let presented = bearer_token(&parts.headers)
            .map_err(|error| AppError::auth(error.into(), CredentialSource::Bearer))?
            .ok_or_else(|| AppError::auth(AuthError::MissingCredential, CredentialSource::None))?;
        if !probe::is_accepted(app, presented, now) {
            let reason = InvalidReason::RecordRejected {
                code: "unknown",
                message: "unknown: not a probe of this issuer, or older than ten minutes",
            };
            return Err(AppError::auth(AuthError::InvalidCredential(reason), CredentialSource::Bearer));
        }
        Ok(Self)
    }
}

/// Generates a probe, with which a program can ask for ten minutes what the server sees of the program's own requests.
///
/// Nothing is stored, and a probe is a credential for `/v1/doctor/request` and `/v1/doctor/events` only.
#[utoipa::path(
    post, path = "/v1/doctor/probes", operation_id = "doctor_add_probe", tag = "operations",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Generated", body = DoctorProbeResponse),
        BadRequest, Unauthorized, Forbidden, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add_probe(
    State(app): State<App>,
    administrator: Administrator,
) -> Result<(StatusCode, Json<DoctorProbeResponse>), AppError> {
    Ok((StatusCode::CREATED, Json(probe::issue(&app, administrator.now)?)))
}

/// Shows what the server sees of this request: its host, its scheme, the client IP, and the headers of proxies and browsers.
///
/// The credential is a probe of `POST /v1/doctor/probes` or of `counterfoil doctor --new-probe`, which is valid for ten minutes. A request without the cookie
/// `cookie_name` gets it; a request with that cookie has it cleared.
#[utoipa::path(
    get, path = "/v1/doctor/request", operation_id = "doctor_request", tag = "operations",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What the server sees", body = ServerView),
        BadRequest, Unauthorized, TooManyRequests,
    )
)]
pub(in crate::routes) async fn request(
    State(app): State<App>,
    _: Probe,
    request: Request,
) -> Result<Response, AppError> {
    let (parts, _) = request.into_parts();
    let view = view(&app, &parts, app.now())?;
    let (value, lifetime) = match &view.cookie_set {
        Some(value) => (value.clone(), COOKIE_LIFETIME),
        None => (String::new(), Duration::ZERO),
    };
    let mut response = Json(view).into_response();
    PageCookie::Doctor.set(&app.parts.cookies, response.headers_mut(), &value, lifetime);
    Ok(response)
}

/// Sends five events within two seconds. The `data` of each is how many milliseconds after the first one it is due.
///
/// A proxy that collects events before it passes them on delays the revocation feed as well.
#[utoipa::path(
    get, path = "/v1/doctor/events", operation_id = "doctor_events", tag = "operations",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        BadRequest, Unauthorized, TooManyRequests,
    )
)]
pub(in crate::routes) async fn events(_: Probe) -> Response {
    let body = EventsBody { next: interval(EVENT_INTERVAL), sent: 0 };
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(body)).into_response()
}

/// The body: an event whenever the next one is due.
struct EventsBody {
    next: Interval,
    sent: u32,
}

impl hyper::body::Body for EventsBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent == EVENTS {
            return Poll::Ready(None);
        }
        ready!(self.next.poll_tick(context));
        let event = format!("data: {}\n\n", (EVENT_INTERVAL * self.sent).as_millis());
        self.sent += 1;
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}
