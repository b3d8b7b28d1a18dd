//! Sends the polls of a verifier to its issuer, one after the other on one connection.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use serde::Deserialize;
use tokio::time::timeout;

use crate::feed::error::FeedError;
use crate::feed::follower::PollRequest;
use crate::feed::wire::FeedResponse;
use crate::http_client::client::{HttpClient, HttpConnection};
use crate::http_client::error::HttpError;
use crate::http_client::url::HttpUrl;

/// The largest body. The issuer sends at most 16,384 entries at once, which take about 1.5 MB.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The longest pause within a body.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The longest detail of a problem that is shown.
const MAX_DETAIL_CHARS: usize = 300;

/// Polls one issuer with one verifier key.
pub(crate) struct FeedClient {
    client: HttpClient,
    url: HttpUrl,
    authorization: HeaderValue,
    /// Open if the last poll was completed on it.
    connection: Option<HttpConnection>,
}

impl FeedClient {
    /// A client for the feed at `url`. `authorization` is the verifier key, as the value of the header.
    pub(crate) const fn new(client: HttpClient, url: HttpUrl, authorization: HeaderValue) -> Self {
        Self { client, url, authorization, connection: None }
    }

    /// Sends a poll and waits for its response, for the head no longer than the timeout of the poll.
    ///
    /// # Errors
    ///
    /// There is no response of the feed. The next poll opens a new connection.
    pub(crate) async fn poll(&mut self, request: &PollRequest) -> Result<FeedResponse, FeedError> {
        let open = self.connection.take();
        let sent = timeout(request.timeout, self.send(open, request)).await;
        let (connection, response) = sent.map_err(|_| HttpError::TimedOut)??;
        let (head, body) = response.into_parts();
        let body = read_body(body).await?;
        if head.status != StatusCode::OK {
            return Err(refused(head.status, &head.headers, &body));
        }
        let response = serde_json::from_slice(&body).map_err(FeedError::Malformed)?;
        self.connection = Some(connection);
        Ok(response)
    }

    async fn send(
        &self,
        open: Option<HttpConnection>,
        request: &PollRequest,
    ) -> Result<(HttpConnection, Response<Incoming>), HttpError> {
        let mut connection = match open.filter(HttpConnection::is_open) {
            Some(connection) => connection,
            None => self.client.connect(&self.url).await?,
        };
        let target = format!("{}?{}", self.url.path_and_query(), request.query());
        let request = Request::get(target)
            .header(AUTHORIZATION, &self.authorization)
            .header(ACCEPT, "application/json")
            .body(Full::<Bytes>::default())
            .expect("the query of a poll has no reserved characters");
        let response = connection.send(&self.url, request).await?;
        Ok((connection, response))
    }
}

/// Reads a body that keeps arriving.
async fn read_body(mut body: Incoming) -> Result<Vec<u8>, HttpError> {
    let mut read = Vec::new();
    loop {
        let frame = timeout(MAX_PAUSE, body.frame()).await.map_err(|_| HttpError::TimedOut)?;
        let Some(frame) = frame else { return Ok(read) };
        let Ok(data) = frame.map_err(HttpError::Protocol)?.into_data() else { continue };
        if read.len() + data.len() > MAX_BODY_BYTES {
            return Err(HttpError::TooLarge);
        }
        read.extend_from_slice(&data);
    }
}

fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> FeedError {
    if status.is_redirection() {
        return HttpError::Redirect(status.as_u16()).into();
    }
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    FeedError::Refused {
        status: status.as_u16(),
        retry_after: retry_after.map(Duration::from_secs),
        detail: problem_detail(body),
    }
}

/// The `detail` of a problem document, and what is wrong with the first of its fields.
fn problem_detail(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Problem {
        detail: Option<String>,
        #[serde(default)]
        errors: Vec<FieldError>,
    }
    #[derive(Deserialize)]
    struct FieldError {
        field: String,
        detail: String,
    }
    let problem: Problem = serde_json::from_slice(body).ok()?;
    let field = problem.errors.into_iter().next().map(|error| format!("`{}` {}", error.field, error.detail));
    let detail = field.or(problem.detail)?;
    // For the log of an operator: no line may come from the network.
    Some(
        detail
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char })
            .take(MAX_DETAIL_CHARS)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_is_wrong_in_one_line() {
        let body =
            br#"{"detail":"fields are wrong","errors":[{"field":"stale","detail":"must be\nat most 0"}]}"#;
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("4"))]);

        let error = refused(StatusCode::UNPROCESSABLE_ENTITY, &headers, body);

        let text = "the issuer refused the poll with status 422: `stale` must be at most 0";
        assert_eq!(error.to_string(), text);
        let FeedError::Refused { retry_after, .. } = error else { panic!("{error}") };
        assert_eq!(retry_after, Some(Duration::from_secs(4)));
        assert_eq!(problem_detail(b"<html>"), None);
    }
}
