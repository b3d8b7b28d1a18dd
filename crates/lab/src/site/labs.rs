//! The labs of a process: at most four, each removed when it was not used for half an hour.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counterfoil::operator::inspection::IssuerCheck;
use counterfoil::{App, ClockReading, ClockSource as _, SystemClock};
use counterfoil_jose::{Time, base64url, random};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::{task, time};

use crate::error::LabError;
use crate::sandbox::Sandbox;
use crate::scenario::act::Act;
use crate::scenario::question::Question;
use crate::scenario::trace::Trace;
use crate::scenario::{answer, play_and_keep};
use crate::site::checked::Checked;

/// How many labs a process has at most.
pub(super) const MAX_LABS: usize = 4;

/// How long a lab is kept without a request.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(30 * 60);

/// How large the files of a lab may become. Its server listens on loopback without rate limits, so a program on this machine
/// could fill the disk with logins.
const MAX_STORED_BYTES: u64 = 64 * 1024 * 1024;

/// How often unused labs are looked for.
const INTERVAL: Duration = Duration::from_secs(30);

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// There are as many labs as there may be.
    #[error("there are {MAX_LABS} labs")]
    TooManyLabs {
        /// When one of them is removed if it is not used.
        free_at: Time,
        /// In how many seconds that is.
        retry_after: u64,
    },
    /// There is no such lab.
    #[error("there is no such lab")]
    NoSuchLab,
    /// Another act is being played.
    #[error("an act is being played")]
    Busy,
    /// The act cannot be played.
    #[error(transparent)]
    Failed(#[from] LabError),
}

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

/// A lab: the act that was played last, and its sandbox.
pub(super) struct Lab {
    pub(super) id: String,
    played: Mutex<Played>,
    busy: Arc<AsyncMutex<()>>,
    _place: OwnedSemaphorePermit,
}

struct Played {
    act: Act,
    trace: Arc<Trace>,
    /// None while an act is being played, and once the lab is removed.
    sandbox: Option<Sandbox>,
    /// By the uptime of the machine.
    used_at: Duration,
    is_removed: bool,
}

/// What a page shows of a lab.
pub(super) struct Shown {
    pub(super) act: Act,
    pub(super) trace: Arc<Trace>,
    /// The time of the lab: that of the machine, and what the act has added.
    pub(super) now: Time,
    /// What the act has added.
    pub(super) ahead: Duration,
    /// When the lab is removed if it is not used.
    pub(super) removed_at: Time,
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
        lock(&lab.played).used_at = SystemClock.read().uptime;
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
        self.all().into_iter().find_map(by_lab).unwrap_or_else(|| {
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

impl Lab {
    fn start(place: OwnedSemaphorePermit) -> Result<Self, LabError> {
        let id = random::bytes::<16>().map_err(LabError::start("a lab"))?;
        let (trace, sandbox) = play_and_keep(Act::Login)?;
        let played = Played {
            act: Act::Login,
            trace: Arc::new(trace),
            sandbox: Some(sandbox),
            used_at: SystemClock.read().uptime,
            is_removed: false,
        };
        Ok(Self {
            id: base64url::encode(id),
            played: Mutex::new(played),
            busy: Arc::default(),
            _place: place,
        })
    }

    /// Plays an act in a new sandbox, which takes the place of the one before.
    ///
    /// # Errors
    ///
    /// If another act is being played, or this one cannot be.
    pub(super) async fn play(self: Arc<Self>, act: Act) -> Result<(), Refusal> {
        let busy = try_lock(&self.busy)?;
        on_blocking_thread(move || {
            let former = lock(&self.played).sandbox.take();
            drop(former);
            let (trace, sandbox) = play_and_keep(act)?;
            let mut played = lock(&self.played);
            (played.act, played.trace) = (act, Arc::new(trace));
            played.used_at = SystemClock.read().uptime;
            if !played.is_removed {
                played.sandbox = Some(sandbox);
            }
            drop((played, busy));
            Ok(())
        })
        .await
    }

    /// By what was played in it last.
    fn name(&self) -> String {
        format!("the lab in which \"{}\" was played", lock(&self.played).act.label())
    }

    /// What its server says about a token; `None` if the token names no key of it, while an act is played, or when its server
    /// has stopped.
    fn check(&self, token: &str) -> Option<IssuerCheck> {
        lock(&self.played).sandbox.as_ref()?.server().ok()?.check(token)
    }

    /// What a page shows of it.
    pub(super) fn shown(&self) -> Shown {
        let (played, now) = (lock(&self.played), SystemClock.read());
        let ahead = Duration::from_millis(played.trace.clock_offset_ms);
        Shown {
            act: played.act,
            trace: Arc::clone(&played.trace),
            now: now.wall + ahead,
            ahead,
            removed_at: now.wall + left(played.used_at, now.uptime),
        }
    }

    /// How long it is kept if it is not used.
    fn left(&self, uptime: Duration) -> Duration {
        left(lock(&self.played).used_at, uptime)
    }

    fn is_too_large(&self) -> bool {
        let played = lock(&self.played);
        played.sandbox.as_ref().is_some_and(|sandbox| sandbox.stored_bytes() > MAX_STORED_BYTES)
    }

    /// Stops its servers and removes its files.
    fn remove(&self) {
        let mut played = lock(&self.played);
        played.is_removed = true;
        let sandbox = played.sandbox.take();
        drop(played);
        drop(sandbox);
    }
}

fn left(used_at: Duration, uptime: Duration) -> Duration {
    IDLE_TIME.saturating_sub(uptime.saturating_sub(used_at))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock(mutex: &Arc<AsyncMutex<()>>) -> Result<OwnedMutexGuard<()>, Refusal> {
    Arc::clone(mutex).try_lock_owned().map_err(|_| Refusal::Busy)
}

/// Starts and stops servers, which blocks.
async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let ended = task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(LabError::start("a lab")(error).into()))
}
