//! Sends live updates to an administrator: server-sent events, until the credential of the administrator ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use counterfoil_core::store::AuditEventNumber;
use counterfoil_verify::CredentialEnd;

use crate::app::App;
use crate::app::live::committed_changes::ChangedTopics;
use crate::app::live::event::{Event, KEEP_ALIVE, beginning};
use crate::app::live::pace::Pace;
use crate::app::live::topic::{StateTopic, Topic};
use crate::limits::open_streams::TooManyStreams;
use crate::operations::admin::audit_log;
use crate::operations::admin::viewer::{Interruption, Viewer, ViewerEnd, send_until_end};
use crate::operations::error::OperationError;
use crate::runtime::stream_body::{
    Ending, NotRead, SEND_TIMEOUT, SHUTDOWN_TIMEOUT, StreamBody, reserve_within,
};

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
    let Viewer { owner, credential } = viewer;
    let open = app.parts.live.open(owner)?;
    let app = app.clone();
    let permission = credential.permission(&app, |end, _| match end {
        ViewerEnd::Credential(end) => Some(ended_event(end)),
        // The client connects again, and learns it by the answer.
        ViewerEnd::KeyRemoved | ViewerEnd::KeyUnknown => None,
    });
    Ok(StreamBody::from_task(permission, open, |parts| async move {
        let stream = Stream {
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
        match send_until_end(&app, &credential, stream.send_all(subscription.last_event)).await {
            Ok(Ok(()) | Err(Stop::Over)) => Ending::new(Duration::ZERO, |_| None),
            Err(Interruption::Shutdown) => Ending::new(SHUTDOWN_TIMEOUT, |_| None),
            Ok(Err(Stop::Failed(error))) => {
                tracing::warn!(%error, "a stream of live updates ended; its client can continue it");
                Ending::new(SEND_TIMEOUT, |_| None)
            }
            Err(Interruption::CredentialEnd(end)) => {
                Ending::new(Duration::ZERO, move |_| Some(ended_event(end)))
            }
        }
    }))
}

fn ended_event(end: CredentialEnd) -> Bytes {
    Event { id: None, name: "ended", data: end.as_str().to_owned() }.to_bytes()
}

/// Why a stream sends no more.
#[derive(Debug)]
enum Stop {
    /// The client is gone, does not read, or may read no more.
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

    /// Sends a state if the client has another one. The counts are sent each time.
    async fn send_state(&mut self, topic: StateTopic) -> Result<(), Stop> {
        let Some(data) = self.form.state(&self.app, topic).await? else { return Ok(()) };
        let is_known = self.last_states.get(&topic).is_some_and(|last| **last == data);
        if is_known && topic != StateTopic::Stats {
            return Ok(());
        }
        self.last_states.insert(topic, data.as_str().into());
        self.send(Event { id: None, name: Topic::State(topic).as_str(), data }.to_bytes()).await
    }

    async fn send_audit(&mut self) -> Result<(), Stop> {
        let news = self.form.audit(&self.app, self.position).await?;
        for (number, data) in news.data {
            self.send(Event { id: Some(number), name: Topic::Audit.as_str(), data }.to_bytes()).await?;
        }
        self.position = news.position;
        Ok(())
    }

    /// Sends a part. A client that does not read gives its place to others, and must not read later what it may not any more.
    async fn send(&mut self, part: Bytes) -> Result<(), Stop> {
        let place = reserve_within(SEND_TIMEOUT, &self.parts).await.map_err(|NotRead| Stop::Over)?;
        place.send(part);
        self.sent_at = Instant::now();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tempfile::TempDir;
    use tokio::time::{sleep, timeout};

    use counterfoil_core::model::audit_event::Actor;
    use counterfoil_core::model::session::{ClientInfo, EndReason};
    use counterfoil_core::services::revoker::RevocationContext;

    use super::*;
    use crate::settings::Settings;

    /// Three events. Reports when it is asked for more: then they wait for the client.
    struct ThreeEvents(mpsc::UnboundedSender<()>);

    #[async_trait]
    impl LiveForm for ThreeEvents {
        async fn state(&self, _: &App, _: StateTopic) -> Result<Option<String>, OperationError> {
            Ok(None)
        }

        async fn audit(&self, _: &App, after: AuditEventNumber) -> Result<AuditNews, OperationError> {
            if after > 0 {
                let _ = self.0.send(());
                return Ok(AuditNews { data: Vec::new(), position: after });
            }
            Ok(AuditNews { data: (1..=3).map(|number| (number, "news".to_owned())).collect(), position: 3 })
        }
    }

    async fn open_app() -> (App, TempDir) {
        let dir = TempDir::new().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let app = App::open(Settings::new("https://auth.example".parse().unwrap(), store)).await.unwrap();
        (app, dir)
    }

    /// A stream whose client has read the first of three events.
    async fn open_unread(app: &App, viewer: Viewer) -> StreamBody {
        let (report, mut asked) = mpsc::unbounded_channel();
        let subscription = Subscription { topics: vec![Topic::Audit], last_event: Some(0) };
        let mut body = open(app, viewer, subscription, ThreeEvents(report)).unwrap();
        for beginning in ["retry: ", "id: 1\nevent: audit"] {
            let part = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert!(part.starts_with(beginning.as_bytes()), "{part:?}");
        }
        asked.recv().await.unwrap();
        body
    }

    /// What the client reads next, when the stream has ended.
    async fn read_rest(app: &App, body: StreamBody) -> Bytes {
        let rest = timeout(SEND_TIMEOUT, body.collect()).await.expect("the stream ends").unwrap().to_bytes();
        while app.parts.live.open_streams() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
        rest
    }

    #[tokio::test]
    async fn what_waits_for_a_client_is_not_sent_after_the_removal_of_its_admin_key() {
        let (app, _dir) = open_app().await;
        let (actor, reason) = (Actor::Operator, EndReason::ByAdmin);
        let context = RevocationContext { actor, reason, client_info: ClientInfo::default() };
        let administration = &app.parts.administration;
        let (_, key) = administration.create_admin_key("screen", &context, app.now()).await.unwrap();
        let waiting = open_unread(&app, Viewer::admin_key(&key)).await;

        administration.remove_admin_key(key.id, &context, app.now()).await.unwrap();

        assert_eq!(read_rest(&app, waiting).await, "");
    }

    #[cfg(feature = "test-util")]
    #[tokio::test]
    async fn what_waits_for_a_client_is_not_sent_after_the_end_of_its_credential() {
        use counterfoil_verify::testing::PrincipalBuilder;
        use counterfoil_verify::{
            RevocationEntry, RevocationPosition, RevocationSubject, Revocations, UserId,
        };

        let (app, _dir) = open_app().await;
        let revocations = Arc::new(Revocations::default());
        let root = PrincipalBuilder::new("root").revocations(Arc::clone(&revocations)).build();
        let waiting = open_unread(&app, Viewer::user(UserId::from_bytes([1; 16]), root)).await;

        let (position, subject) = (RevocationPosition::new(1), RevocationSubject::Everyone);
        revocations.publish(&[RevocationEntry { position, subject, until: None }], position);

        assert_eq!(read_rest(&app, waiting).await, "event: ended\ndata: session_ended\n\n");
    }
}
