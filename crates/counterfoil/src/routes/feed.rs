//! `/v1/feed`: the revocation feed, for resource servers with a verifier key.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::credentials::verifier_key::VerifierKey;
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::services::revocation_feed::VerifierPosition;
use counterfoil_verify::{
    AuthError, CredentialSource, FeedInstanceId, InvalidReason, RevocationPosition, bearer_token,
};

use crate::app::App;
use crate::feed::poll::PollRequest;
use crate::feed::stream::parse_event_id;
use crate::http::error::AppError;
use crate::operations::verifier_key;
use crate::routes::problem_responses::{
    BadRequest, InvalidFields, TooManyRequests, Unauthorized, Unavailable,
};
use crate::routes::query_parameters::QueryParameters;

/// The response to a poll.
#[derive(Serialize, ToSchema)]
#[schema(as = Feed)]
pub(super) struct FeedSchema {
    /// The id of the revocation log. After a restore from a backup it is another one.
    log: String,
    /// The `instance` of the request.
    instance: String,
    /// The `poll` of the request.
    poll: u64,
    /// The time of the issuer, in Unix seconds.
    now: u64,
    /// How long the verifier may rely on this response, in milliseconds from when it sent the poll; only if `next` equals
    /// `head`.
    lease_ms: u64,
    /// The head of the log, read after the request arrived.
    head: u64,
    /// The position up to which this response is complete. Below `head`: more follows.
    next: u64,
    /// Whether the entries are all active revocations up to `next`. They are merged all the same.
    snapshot: bool,
    /// The SHA-256 of the body of `/.well-known/jwks.json`, as base64url.
    keys: String,
    /// The entries, in the order of their positions.
    entries: Vec<FeedEntrySchema>,
}

/// One revocation.
#[derive(Serialize, ToSchema)]
#[schema(as = FeedEntry)]
pub(super) struct FeedEntrySchema {
    /// Its position in the log.
    position: u64,
    /// `session:ID`, `user:ID`, `token:ID`, `client:ID`, `key:ID` or `everyone`.
    subject: String,
    /// When the last token that it revokes has expired, in Unix seconds; null for a key.
    until: Option<u64>,
}

/// The parameters of a poll.
const PARAMETERS: [&str; 6] = ["after", "log", "instance", "poll", "wait", "stale"];

/// An authenticated verifier.
#[derive(Debug, Clone)]
pub(super) struct Verifier(VerifierKeyRecord);

impl FromRequestParts<App> for Verifier {
    type Rejection = AppError;

    /// A verifier key is accepted as a bearer token only, and by these routes only. Cookies are ignored.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let rejected = |code, message| {
            let error = AuthError::InvalidCredential(InvalidReason::RecordRejected { code, message });
            AppError::auth(error, CredentialSource::Bearer)
        };
        let presented = bearer_token(&parts.headers)
            .map_err(|error| AppError::auth(error.into(), CredentialSource::Bearer))?
            .ok_or_else(|| AppError::auth(AuthError::MissingCredential, CredentialSource::None))?;
        let key: VerifierKey =
            presented.parse().map_err(|_| rejected("malformed", "malformed: not a verifier key"))?;
        let record = verifier_key::authenticate(app, &key).await?;
        record.map(Self).ok_or_else(|| rejected("unknown", "unknown: no such verifier key"))
    }
}

/// Returns the revocations after a position, as soon as there are any.
///
/// It answers at once if the log has entries after `after`, else when `wait` is over. Without `after`, or if the position
/// cannot be continued, it answers with a snapshot of all active revocations. `after` acknowledges: a verifier sends it
/// when all its threads see the entries up to there.
#[utoipa::path(
    get, path = "/v1/feed", operation_id = "feed_poll", tag = "feed",
    security(("bearer" = [])),
    params(
        ("after" = Option<u64>, Query, description = "`next` of the last response, when its entries are in force"),
        ("log" = Option<String>, Query, description = "`log` of the last response"),
        ("instance" = String, Query, description = "A random id of this process: 1 to 64 letters, digits, `-`, `_`, `.` or `~`"),
        ("poll" = u64, Query, description = "The number of this poll, higher than that of every earlier one"),
        ("wait" = Option<u64>, Query, description = "How long to wait for entries, in milliseconds; at most a third of the lease, which is the default"),
        ("stale" = Option<u64>, Query, description = "For how many seconds after its lease the verifier accepts credentials"),
    ),
    responses(
        (status = 200, description = "The entries after `after`, or a snapshot", body = FeedSchema),
        BadRequest, Unauthorized, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn poll(
    State(app): State<App>,
    Verifier(key): Verifier,
    query: QueryParameters,
) -> Result<Response, AppError> {
    let request = poll_request(&query, app.settings().feed.max_stale)?;
    // With a long lease the time limit of a request is shorter than a third of it.
    let longest = app.settings().limits.request_timeout / 2;
    let wait = request.wait.unwrap_or(Duration::MAX).min(longest);
    let request = PollRequest { wait: Some(wait), ..request };
    let body = app.parts.feed.poll(&key, request).await?;
    Ok(([(CONTENT_TYPE, "application/json")], Body::new(body)).into_response())
}

/// Sends the revocations as server-sent events: the active ones first, then each further one when it happens.
///
/// The `data` of each event is an object like the response to a poll, without `instance`, `poll` and `lease_ms`. A client
/// that connects again sends `Last-Event-ID`. A stream gives no lease: use it for a view of what happens, not to verify.
#[utoipa::path(
    get, path = "/v1/feed/stream", operation_id = "feed_stream", tag = "feed",
    security(("bearer" = [])),
    params(("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event")),
    responses(
        (status = 200, description = "Events of the type `revocations`", body = String, content_type = "text/event-stream"),
        BadRequest, Unauthorized, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn stream(
    State(app): State<App>,
    Verifier(key): Verifier,
    query: QueryParameters,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    query.allow_only(&[])?;
    let position =
        match headers.get("last-event-id") {
            None => VerifierPosition { after: None, log: None },
            Some(id) => id.to_str().ok().and_then(parse_event_id).ok_or_else(|| {
                AppError::field("Last-Event-ID", "must be the `id` of an event of this stream")
            })?,
        };
    let body = app.parts.feed.open_stream(key.id, position)?;
    let headers = [(CONTENT_TYPE, "text/event-stream")];
    Ok((headers, Body::new(body)).into_response())
}

fn poll_request(query: &QueryParameters, max_stale: Duration) -> Result<PollRequest, AppError> {
    query.allow_only(&PARAMETERS)?;
    let expected_instance = "1 to 64 letters, digits, `-`, `_`, `.` or `~`, drawn at random by each process";
    let instance: Option<FeedInstanceId> = query.parse("instance", expected_instance)?;
    let position = "the number `next` of the last response";
    let max_stale_s = max_stale.as_secs();
    let stale = query.parse("stale", format!("a number of seconds up to {max_stale_s}"))?.unwrap_or(0);
    if stale > max_stale_s {
        let detail = format!(
            "must be at most {max_stale_s} seconds; the setting `feed.max_stale` of the issuer allows more"
        );
        return Err(AppError::field("stale", detail));
    }
    Ok(PollRequest {
        instance: instance
            .ok_or_else(|| AppError::field("instance", format!("must be {expected_instance}")))?,
        poll: query
            .parse("poll", "the number of this poll, such as 1")?
            .ok_or_else(|| AppError::field("poll", "must be the number of this poll, such as 1"))?,
        position: VerifierPosition {
            after: query.parse("after", position)?.map(RevocationPosition::new),
            log: query.parse("log", "the id `log` of the last response")?,
        },
        wait: query.parse("wait", "a number of milliseconds")?.map(Duration::from_millis),
        stale: Duration::from_secs(stale),
    })
}
