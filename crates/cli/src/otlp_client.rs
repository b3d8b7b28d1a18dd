//! The HTTP client that sends traces to an OpenTelemetry collector, one batch at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// The timeout for a batch, until the collector has answered.
const BATCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of an answer; it only contains how many spans were rejected.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends batches to a collector, and logs when that starts to fail and when it works again.
#[derive(Debug)]
pub(crate) struct OtlpClient {
    /// The runtime that sends: the exporter calls from a thread without one.
    runtime: Handle,
    client: Client<HttpConnector, Full<Bytes>>,
    is_failing: AtomicBool,
}

impl OtlpClient {
    /// A client that sends on the threads of `runtime`.
    pub(crate) fn new(runtime: &Handle) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { runtime: runtime.clone(), client, is_failing: AtomicBool::new(false) }
    }

    /// Logs if the result differs from that of the previous batch.
    fn log_change(&self, error: Option<&str>) {
        let was_failing = self.is_failing.swap(error.is_some(), Ordering::Relaxed);
        match (error, was_failing) {
            (Some(error), false) => {
                tracing::warn!(error, "traces cannot be sent to the collector, and are dropped")
            }
            (None, true) => tracing::info!("traces are sent to the collector again"),
            (Some(_), true) | (None, false) => {}
        }
    }
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.runtime.spawn(send_with_timeout(self.client.clone(), request.map(Full::new))).await;
        let answer = sent.unwrap_or_else(|error| Err(error.into()));
        self.log_change(error_message(&answer).as_deref());
        answer
    }
}

async fn send_with_timeout(
    client: Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, HttpError> {
    timeout(BATCH_TIMEOUT, send(client, request)).await?
}

async fn send(
    client: Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = client.request(request).await?.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// What is wrong with the answer. The URL is left out, because it may contain a password.
fn error_message(answer: &Result<Response<Bytes>, HttpError>) -> Option<String> {
    match answer {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => Some(format!("the collector answered {}", answer.status())),
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Some(format!("{error}{cause}"))
        }
    }
}
