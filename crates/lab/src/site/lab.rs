//! A lab: the act that was played last, with its installation, which remains until the next act.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil::operator::inspection::IssuerCheck;
use counterfoil::{ClockSource as _, SystemClock};
use counterfoil_jose::{Time, base64url, random};
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit};

use crate::error::LabError;
use crate::scenario::act::Act;
use crate::scenario::clock_move::{ClockMove, move_clock};
use crate::scenario::play_and_keep;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Trace;
use crate::site::exclusive::{lock, on_blocking_thread, try_lock};
use crate::site::refusal::Refusal;

/// How long a lab is kept without a request.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(30 * 60);

/// How often the clock can be moved after an act. Each move makes the page longer.
pub(super) const MAX_CLOCK_MOVES: usize = 4;

/// How large the files of a lab may become. Its server listens on loopback without rate limits, so a program on this machine
/// could fill the disk with logins.
const MAX_STORED_BYTES: u64 = 64 * 1024 * 1024;

/// A lab: the act that was played last, and its installation.
pub(super) struct Lab {
    pub(super) id: String,
    played: Mutex<Played>,
    busy: Arc<AsyncMutex<()>>,
    _place: OwnedSemaphorePermit,
}

struct Played {
    act: Act,
    trace: Arc<Trace>,
    /// None while an act is being played or the clock is moved, and once the lab is removed.
    stage: Option<Stage>,
    clock_moves_left: usize,
    /// By the uptime of the machine.
    used_at: Duration,
    is_removed: bool,
}

/// What a page shows of a lab.
pub(super) struct Shown {
    pub(super) act: Act,
    pub(super) trace: Arc<Trace>,
    /// The time of the lab: that of the machine, and what was added.
    pub(super) now: Time,
    /// What was added.
    pub(super) ahead: Duration,
    pub(super) clock_moves_left: usize,
    /// When the lab is removed if it is not used.
    pub(super) removed_at: Time,
}

impl Lab {
    /// Plays the login in a new lab, which has one of the places.
    pub(super) fn start(place: OwnedSemaphorePermit) -> Result<Self, LabError> {
        let id = random::bytes::<16>().map_err(LabError::start("a lab"))?;
        let stage = play_and_keep(Act::Login)?;
        let played = Played {
            act: Act::Login,
            trace: Arc::new(stage.trace(Act::Login)),
            stage: Some(stage),
            clock_moves_left: MAX_CLOCK_MOVES,
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

    /// Plays an act in a new installation, which takes the place of the one before.
    ///
    /// # Errors
    ///
    /// If another act is being played, or this one cannot be.
    pub(super) async fn play(self: Arc<Self>, act: Act) -> Result<(), Refusal> {
        let busy = try_lock(&self.busy)?;
        on_blocking_thread(move || {
            let former = lock(&self.played).take();
            drop(former);
            let stage = play_and_keep(act)?;
            let mut played = lock(&self.played);
            (played.act, played.clock_moves_left) = (act, MAX_CLOCK_MOVES);
            played.keep(stage);
            drop((played, busy));
            Ok(())
        })
        .await
    }

    /// Moves the clock of the last act, and asks every place again.
    ///
    /// # Errors
    ///
    /// If an act is being played, the clock was moved too often, or a place cannot be asked.
    pub(super) async fn move_clock(self: Arc<Self>, by: ClockMove) -> Result<(), Refusal> {
        let busy = try_lock(&self.busy)?;
        on_blocking_thread(move || {
            let mut stage = lock(&self.played).take_for_clock().ok_or(Refusal::ClockStands)?;
            let moved = move_clock(&mut stage, by);
            // What was seen until an error is shown as well.
            lock(&self.played).keep(stage);
            drop(busy);
            Ok(moved?)
        })
        .await
    }

    /// By what was played in it last.
    pub(super) fn name(&self) -> String {
        format!("the lab in which \"{}\" was played", lock(&self.played).act.label())
    }

    /// What its server says about a token; `None` if the token names no key of it, while an act is played, or when its server
    /// has stopped.
    pub(super) fn check(&self, token: &str) -> Option<IssuerCheck> {
        lock(&self.played).stage.as_ref()?.sandbox.server().ok()?.check(token)
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
            clock_moves_left: played.clock_moves_left,
            removed_at: now.wall + left(played.used_at, now.uptime),
        }
    }

    /// It is used now.
    pub(super) fn use_now(&self) {
        lock(&self.played).used_at = SystemClock.read().uptime;
    }

    /// How long it is kept if it is not used.
    pub(super) fn left(&self, uptime: Duration) -> Duration {
        left(lock(&self.played).used_at, uptime)
    }

    /// Whether its files have grown too large.
    pub(super) fn is_too_large(&self) -> bool {
        let played = lock(&self.played);
        played.stage.as_ref().is_some_and(|stage| stage.sandbox.stored_bytes() > MAX_STORED_BYTES)
    }

    /// Stops its servers and removes its files.
    pub(super) fn remove(&self) {
        let mut played = lock(&self.played);
        played.is_removed = true;
        let stage = played.stage.take();
        drop(played);
        drop(stage);
    }
}

impl Played {
    /// The installation, which has no clock to move until the next one is there.
    fn take(&mut self) -> Option<Stage> {
        self.clock_moves_left = 0;
        self.stage.take()
    }

    /// The installation, if its clock may be moved once more.
    fn take_for_clock(&mut self) -> Option<Stage> {
        let left = self.clock_moves_left.checked_sub(1)?;
        let stage = self.stage.take()?;
        self.clock_moves_left = left;
        Some(stage)
    }

    /// Shows what was played, and keeps its installation if the lab was not removed meanwhile.
    fn keep(&mut self, stage: Stage) {
        self.trace = Arc::new(stage.trace(self.act));
        self.used_at = SystemClock.read().uptime;
        if !self.is_removed {
            self.stage = Some(stage);
        }
    }
}

fn left(used_at: Duration, uptime: Duration) -> Duration {
    IDLE_TIME.saturating_sub(uptime.saturating_sub(used_at))
}
