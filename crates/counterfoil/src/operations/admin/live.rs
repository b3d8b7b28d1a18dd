//! Sends live updates to an administrator: server-sent events, until the credential of the administrator ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use counterfoil_core::store::AuditEventNumber;

use crate::app::App;
use crate::app::live::StreamOwner;
use crate::app::live::committed_changes::ChangedTopics;
use crate::app::live::event::{Event, KEEP_ALIVE, beginning};
use crate::app::live::pace::Pace;
use crate::app::live::topic::{StateTopic, Topic};
use crate::limits::open_streams::TooManyStreams;
use crate::operations::admin::audit_log;
use crate::operations::admin::viewer::{Interruption, Viewer, send_until_end};
use crate::operations::error::OperationError;
use crate::runtime::stream_body::{NotRead, SEND_TIMEOUT, StreamBody, send_within};

/// After how long a client connects again, in milliseconds.
const RETRY_MS: u64 = 2_000;

/// After how long without an event a comment is sent, so that proxies keep the connection.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// What a stream is about.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    /// The topics.
    pub(crate) topics: Vec<Topic>,
    /// The number of the last audit event that the client has.
    pub(crate) last_event: Option<AuditEventNumber>,
}

/// How updates are written: as JSON, or as the HTML of a part of a page.
#[async_trait]
pub(crate) trait LiveForm: Send + Sync + 'static {
    /// The state of a topic as the data of an event. `None`: nothing can be sent.
    async fn state(&self, app: &App, topic: StateTopic) -> Result<Option<String>, OperationError>;

    /// The audit events after the number `after`.
    async fn audit(&self, app: &App, after: AuditEventNumber) -> Result<AuditNews, OperationError>;
}

/// Audit events as the data of events.
#[derive(Debug, Default)]
pub(crate) struct AuditNews {
    /// The data, each with the number of its newest audit event.
    pub(crate) data: Vec<(AuditEventNumber, String)>,
    /// The number up to which the log was read.
    pub(crate) position: AuditEventNumber,
}

/// Starts a stream.
///
/// # Errors
///
/// If the viewer or this process has as many streams as it may have.
pub(crate) fn open(
    app: &App,
    viewer: Viewer,
    subscription: Subscription,
    form: impl LiveForm,
) -> Result<StreamBody, TooManyStreams> {
    let open = app.parts.live.open(viewer.owner)?;
    let app = app.clone();
    Ok(StreamBody::from_task(|parts| async move {
        let _open = open;
        let stream = Stream {
            owner: viewer.owner,
            form: Box::new(form),
            // Before anything is read: no later commit is missed.
            changes: app.parts.live.subscribe(&subscription.topics),
            pace: Pace::new(&subscription.topics),
            last_states: HashMap::new(),
            position: 0,
            parts,
            started: Instant::now(),
            sent_at: Instant::now(),
            app: app.clone(),
        };
        match send_until_end(&app, viewer.ended, stream.send_all(subscription.last_event)).await {
            Ok(Ok(()) | Err(Stop::Over)) | Err(Interruption::Shutdown) => None,
            Ok(Err(Stop::Failed(error))) => {
                tracing::warn!(%error, "a stream of live updates ended; its client can continue it");
                None
            }
            Err(Interruption::CredentialEnd(end)) => {
                let data = end.as_str().to_owned();
                Some(Event { id: None, name: "ended", data }.to_bytes())
            }
        }
    }))
}

/// Why a stream sends no more.
#[derive(Debug)]
enum Stop {
    /// The client is gone or does not read, or the admin key is removed.
    Over,
    /// Something could not be read.
    Failed(OperationError),
}

impl<E: Into<OperationError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A stream and its client.
struct Stream {
    app: App,
    owner: StreamOwner,
    form: Box<dyn LiveForm>,
    changes: ChangedTopics,
    pace: Pace,
    /// What the client has of each state.
    last_states: HashMap<StateTopic, Arc<str>>,
    /// The number of the last audit event that the client has.
    position: AuditEventNumber,
    parts: mpsc::Sender<Bytes>,
    started: Instant,
    sent_at: Instant,
}

impl Stream {
    /// Sends events until the client is gone.
    async fn send_all(mut self, last_event: Option<AuditEventNumber>) -> Result<(), Stop> {
        let newest = audit_log::newest_number(&self.app).await?;
        // A number above the newest one is of another log, of which this store is an earlier backup.
        self.position = last_event.filter(|last| *last <= newest).unwrap_or(newest);
        self.send(beginning(RETRY_MS, self.position)).await?;
        loop {
            for topic in self.pace.take_due(self.started.elapsed(), self.changes.get()) {
                self.changes.forget(topic);
                match topic {
                    Topic::Audit => self.send_audit().await?,
                    Topic::State(topic) => self.send_state(topic).await?,
                }
            }
            if self.sent_at.elapsed() >= KEEP_ALIVE_INTERVAL {
                self.send(KEEP_ALIVE).await?;
            }
            tokio::select! {
                () = self.parts.closed() => return Ok(()),
                () = self.changes.wait() => {}
                () = sleep_until(self.started + self.pace.next(self.changes.get())) => {}
            }
        }
    }

    /// Checks, after something was read and before it is sent, that the key is still valid and that this node would know if it were
    /// not.
    async fn check_admin_key(&self) -> Result<(), Stop> {
        let StreamOwner::AdminKey(key) = self.owner else { return Ok(()) };
        self.app.check_freshness()?;
        let is_valid = self.app.parts.store.admin_key(key).await?.is_some();
        if is_valid { Ok(()) } else { Err(Stop::Over) }
    }

    /// Sends a state if the client has another one. The counts are sent each time.
    async fn send_state(&mut self, topic: StateTopic) -> Result<(), Stop> {
        let Some(data) = self.form.state(&self.app, topic).await? else { return Ok(()) };
        self.check_admin_key().await?;
        let is_known = self.last_states.get(&topic).is_some_and(|last| **last == data);
        if is_known && topic != StateTopic::Stats {
            return Ok(());
        }
        self.last_states.insert(topic, data.as_str().into());
        self.send(Event { id: None, name: Topic::State(topic).as_str(), data }.to_bytes()).await
    }

    async fn send_audit(&mut self) -> Result<(), Stop> {
        let news = self.form.audit(&self.app, self.position).await?;
        self.check_admin_key().await?;
        for (number, data) in news.data {
            self.send(Event { id: Some(number), name: Topic::Audit.as_str(), data }.to_bytes()).await?;
        }
        self.position = news.position;
        Ok(())
    }

    /// Sends a part. A client that does not read gives its place to others, and must not read later what it may not any more.
    async fn send(&mut self, part: Bytes) -> Result<(), Stop> {
        send_within(SEND_TIMEOUT, &self.parts, part).await.map_err(|NotRead| Stop::Over)?;
        self.sent_at = Instant::now();
        Ok(())
    }
}
