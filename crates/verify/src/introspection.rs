//! Asks the issuer whether a token is active (RFC 7662), for a verifier whose revocations are stale.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::clock::lease_clock::LeaseClock;
use crate::http_client::client::{HttpClient, HttpConnection, read_body};
use crate::http_client::error::HttpError;
use crate::http_client::url::HttpUrl;

/// How long an answer may be relied on, from the moment at which the question was sent. The issuer counts it as a lease of
/// 1.25 seconds.
const VALID_FOR: Duration = Duration::from_secs(1);

/// How many questions may be open at once. Further requests get 503.
const MAX_OPEN: usize = 64;

/// The largest answer.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Asks one issuer with one verifier key.
pub(crate) struct IntrospectionClient {
    client: HttpClient,
    url: HttpUrl,
    authorization: HeaderValue,
    lease_clock: Arc<LeaseClock>,
    open: Semaphore,
    idle: Mutex<Vec<HttpConnection>>,
}

/// What the issuer says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Introspection {
    /// It is active, and this is its subject.
    Active { subject: String },
    /// It has expired, is revoked or is unknown.
    Inactive,
}

/// The members that are used; all others are ignored.
#[derive(Deserialize)]
struct Answer {
    active: bool,
    sub: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntrospectionError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the answer is malformed")]
    Malformed,
    #[error("too many requests wait for the issuer")]
    TooMany,
}

impl IntrospectionClient {
    /// A client for the endpoint at `url`. `authorization` is the verifier key, as the value of the header.
    pub(crate) fn new(
        client: HttpClient,
        url: HttpUrl,
        authorization: HeaderValue,
        lease_clock: Arc<LeaseClock>,
    ) -> Self {
        let (open, idle) = (Semaphore::new(MAX_OPEN), Mutex::default());
        Self { client, url, authorization, lease_clock, open, idle }
    }

    /// Asks about an access token. The answer serves one request, at once.
    ///
    /// # Errors
    ///
    /// There is no answer within a second after the question was sent.
    pub(crate) async fn introspect(&self, token: &str) -> Result<Introspection, IntrospectionError> {
        let _permit = self.open.try_acquire().map_err(|_| IntrospectionError::TooMany)?;
        let sent_at = self.lease_clock.uptime();
        let answered = timeout(VALID_FOR, self.ask(token)).await;
        let answer = answered.map_err(|_| HttpError::TimedOut)??;
        // The timer does not count a suspend.
        if self.lease_clock.uptime().saturating_sub(sent_at) >= VALID_FOR {
            return Err(HttpError::TimedOut.into());
        }
        match answer {
            Answer { active: true, sub: Some(subject) } => Ok(Introspection::Active { subject }),
            Answer { active: true, sub: None } => Err(IntrospectionError::Malformed),
            Answer { active: false, .. } => Ok(Introspection::Inactive),
        }
    }

    /// A connection that was idle may have been closed meanwhile: then the question is repeated on a new one.
    async fn ask(&self, token: &str) -> Result<Answer, IntrospectionError> {
        if let Some(connection) = self.take_idle()
            && let Ok(answer) = self.ask_on(connection, token).await
        {
            return Ok(answer);
        }
        self.ask_on(self.client.connect(&self.url).await?, token).await
    }

    async fn ask_on(
        &self,
        mut connection: HttpConnection,
        token: &str,
    ) -> Result<Answer, IntrospectionError> {
        // A compact JWS has no characters that a form encodes.
        let form = format!("token={token}&token_type_hint=access_token");
        let request = Request::post(self.url.path_and_query())
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Full::new(Bytes::from(form)))
            .expect("a parsed URL has a path");
        let (head, body) = connection.send(&self.url, request).await?.into_parts();
        if head.status != StatusCode::OK {
            return Err(HttpError::Status(head.status.as_u16()).into());
        }
        let body = read_body(body, MAX_BODY_BYTES).await?;
        let answer = serde_json::from_slice(&body).map_err(|_| IntrospectionError::Malformed)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    fn take_idle(&self) -> Option<HttpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(HttpConnection::is_open);
        idle.pop()
    }
}
