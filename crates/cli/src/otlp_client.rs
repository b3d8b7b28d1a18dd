//! The way to a collector of traces: plain HTTP, one batch at a time.

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

/// How long a batch may take to be accepted.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of an answer, of which there is nothing to read but how many spans were rejected.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Hands batches to a collector, and says in the log when that begins to fail and when it works again.
#[derive(Debug)]
pub(crate) struct OtlpClient {
    /// Where the sending is done: whoever asks for it is a thread without a runtime.
    runtime: Handle,
    client: Client<HttpConnector, Full<Bytes>>,
    is_lost: AtomicBool,
}

impl OtlpClient {
    /// A way that uses the threads of `runtime`.
    pub(crate) fn new(runtime: &Handle) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { runtime: runtime.clone(), client, is_lost: AtomicBool::new(false) }
    }

    /// Writes a line where the last batch fared otherwise than the one before.
    fn tell(&self, fault: Option<&str>) {
        let was_lost = self.is_lost.swap(fault.is_some(), Ordering::Relaxed);
        match (fault, was_lost) {
            (Some(fault), false) => {
                tracing::warn!(fault, "traces do not reach the collector, and are dropped")
            }
            (None, true) => tracing::info!("traces reach the collector again"),
            (Some(_), true) | (None, false) => {}
        }
    }
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.runtime.spawn(in_time(self.client.clone(), request.map(Full::new))).await;
        let answer = answer.unwrap_or_else(|ended| Err(ended.into()));
        self.tell(fault_of(&answer).as_deref());
        answer
    }
}

async fn in_time(
    client: Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, HttpError> {
    timeout(PATIENCE, exchange(client, request)).await?
}

async fn exchange(
    client: Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = client.request(request).await?.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER).collect().await?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// What went wrong, without the address: it may hold a password.
fn fault_of(answer: &Result<Response<Bytes>, HttpError>) -> Option<String> {
    match answer {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => Some(format!("it answered {}", answer.status())),
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Some(format!("{error}{cause}"))
        }
    }
}
