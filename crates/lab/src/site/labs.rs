//! The labs of a process: at most four, each removed when it was not used for half an hour.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil::operator::inspection::IssuerCheck;
use counterfoil::{App, ClockReading, ClockSource as _, SystemClock};
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};
use tokio::time;

use crate::scenario::answer;
use crate::scenario::question::Question;
use crate::scenario::trace::Trace;
use crate::site::checked::Checked;
use crate::site::exclusive::{lock, on_blocking_thread, try_lock};
use crate::site::lab::{IDLE_TIME, Lab};
use crate::site::refusal::Refusal;

/// How many labs a process has at most.
pub(super) const MAX_LABS: usize = 4;

/// How often unused labs are looked for.
const INTERVAL: Duration = Duration::from_secs(30);

/// The labs and the answers of a process.
pub(super) struct Labs {
    list: Mutex<List>,
    /// A place for each lab. A lab that was removed while it plays an act keeps its place until the act is over.
    places: Arc<Semaphore>,
    answers: Mutex<[Option<Arc<[Trace]>>; Question::ALL.len()]>,
    answering: Arc<AsyncMutex<()>>,
    /// The server that has these pages, if it has users of its own.
    issuer: Mutex<Option<App>>,
}

impl Default for Labs {
    fn default() -> Self {
        Self {
            list: Mutex::default(),
            places: Arc::new(Semaphore::new(MAX_LABS)),
            answers: Mutex::default(),
            answering: Arc::default(),
            issuer: Mutex::default(),
        }
    }
}

#[derive(Default)]
struct List {
    labs: Vec<Arc<Lab>>,
    is_closed: bool,
}

impl std::fmt::Debug for Labs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Labs").finish_non_exhaustive()
    }
}

impl Labs {
    /// Makes a lab and plays the login in it. Returns its id.
    ///
    /// # Errors
    ///
    /// If there are too many, or it cannot be started.
    pub(super) async fn make(self: Arc<Self>) -> Result<String, Refusal> {
        let place = self.reserve(SystemClock.read())?;
        let labs = Arc::clone(&self);
        on_blocking_thread(move || {
            let lab = Arc::new(Lab::start(place)?);
            let mut list = lock(&labs.list);
            if list.is_closed {
                lab.remove();
                return Err(Refusal::NoSuchLab);
            }
            list.labs.push(Arc::clone(&lab));
            Ok(lab.id.clone())
        })
        .await
    }

    /// Takes a place for one more lab.
    fn reserve(&self, now: ClockReading) -> Result<OwnedSemaphorePermit, Refusal> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let list = lock(&self.list);
        let first = list.labs.iter().map(|lab| lab.left(now.uptime)).min().unwrap_or(IDLE_TIME);
        Err(Refusal::TooManyLabs { free_at: now.wall + first, retry_after: first.as_secs() + 1 })
    }

    /// The lab with this id, which is used now.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Lab>, Refusal> {
        let list = lock(&self.list);
        let lab = list.labs.iter().find(|lab| lab.id == id).ok_or(Refusal::NoSuchLab)?;
        lab.use_now();
        Ok(Arc::clone(lab))
    }

    /// All labs.
    pub(super) fn all(&self) -> Vec<Arc<Lab>> {
        lock(&self.list).labs.clone()
    }

    /// Removes the lab with this id, if there is one.
    pub(super) async fn remove(self: Arc<Self>, id: String) -> Result<(), Refusal> {
        self.remove_where(move |lab| lab.id == id).await
    }

    /// Plays the acts of a question.
    ///
    /// # Errors
    ///
    /// If another question is being answered, or an act cannot be played.
    pub(super) async fn answer(self: Arc<Self>, question: Question) -> Result<(), Refusal> {
        let busy = try_lock(&self.answering)?;
        on_blocking_thread(move || {
            let traces = answer(question)?;
            lock(&self.answers)[usize::from(question.number()) - 1] = Some(traces.into());
            drop(busy);
            Ok(())
        })
        .await
    }

    /// What was played last for a question.
    pub(super) fn answered(&self, question: Question) -> Option<Arc<[Trace]>> {
        lock(&self.answers)[usize::from(question.number()) - 1].clone()
    }

    /// Also checks tokens with the keys of this server.
    pub(super) fn set_issuer(&self, app: App) {
        *lock(&self.issuer) = Some(app);
    }

    /// Checks a token with the keys of the server of these pages, and of those of the labs.
    pub(super) fn check(&self, token: &str) -> Checked {
        let own = lock(&self.issuer).as_ref().and_then(|app| IssuerCheck::of(app, token));
        if let Some(check) = own {
            return Checked::by_issuer("this server", check);
        }
        let by_lab = |lab: Arc<Lab>| Some(Checked::by_issuer(&lab.name(), lab.check(token)?));
        let by_any = self.all().into_iter().find_map(by_lab).or_else(|| Checked::unsigned(token));
        by_any.unwrap_or_else(|| {
            Checked::with_nothing(
                "the token names no key of a lab or of this process; give the key set of its issuer, or the secret",
            )
        })
    }

    /// Removes the labs that were not used for too long or are too large, and looks again later, without an end.
    pub(super) async fn remove_unused_again_and_again(self: &Arc<Self>) {
        loop {
            time::sleep(INTERVAL).await;
            let now = SystemClock.read().uptime;
            let is_over = move |lab: &Lab| lab.left(now).is_zero() || lab.is_too_large();
            let _ = Arc::clone(self).remove_where(is_over).await;
        }
    }

    /// Removes all labs, and those that are being made as soon as they are.
    pub(super) async fn close(self: &Arc<Self>) {
        lock(&self.list).is_closed = true;
        lock(&self.issuer).take();
        let _ = Arc::clone(self).remove_where(|_| true).await;
    }

    async fn remove_where(
        self: Arc<Self>,
        is_over: impl Fn(&Lab) -> bool + Send + 'static,
    ) -> Result<(), Refusal> {
        on_blocking_thread(move || {
            let removed: Vec<_> = lock(&self.list).labs.extract_if(.., |lab| is_over(lab)).collect();
            removed.iter().for_each(|lab| lab.remove());
            Ok(())
        })
        .await
    }
}
