//! The measurements of a process: one at a time, and the last ones that have ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use counterfoil::{ClockSource as _, SystemClock};
use counterfoil_jose::Time;
use tokio::sync::{Notify, Semaphore, watch};

use crate::progress::ProgressLine;
use crate::report::model::Report;
use crate::site::compare_command::{CompareCommand, CompareError};

/// How many measurements that have ended are kept.
pub(super) const MAX_KEPT: usize = 5;

/// How many pages may follow the progress at the same time.
const MAX_STREAMS: usize = 16;

/// What has become of a measurement.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// It runs.
    Running(ProgressLine),
    /// It has a report.
    Done(Arc<Report>),
    /// It has failed.
    Failed(Arc<CompareError>),
    /// It was stopped.
    Stopped,
}

/// A measurement.
#[derive(Debug)]
pub(super) struct Measurement {
    /// Its number, from 1.
    pub(super) number: u64,
    /// When it was started.
    pub(super) started_at: Time,
    started: Instant,
    state: watch::Sender<State>,
    stop: Notify,
}

/// The measurements of a process.
#[derive(Debug)]
pub(super) struct Measurements {
    command: CompareCommand,
    list: Mutex<List>,
    /// A place for each page that follows the progress.
    pub(super) streams: Arc<Semaphore>,
    /// Whether no more is measured.
    closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct List {
    /// The newest first; only that one may run.
    measurements: VecDeque<Arc<Measurement>>,
    last_number: u64,
}

/// Why no measurement was started.
#[derive(Debug)]
pub(super) enum StartError {
    /// This one runs.
    Busy(Arc<Measurement>),
    /// The server stops.
    Closed,
}

impl Measurements {
    /// None yet. They will be made by `command`.
    pub(super) fn new(command: CompareCommand) -> Self {
        let (list, streams) = (Mutex::default(), Arc::new(Semaphore::new(MAX_STREAMS)));
        Self { command, list, streams, closed: watch::Sender::new(false) }
    }

    /// Starts a measurement in the background.
    ///
    /// # Errors
    ///
    /// If one runs, or the server stops.
    pub(super) fn start(&self) -> Result<Arc<Measurement>, StartError> {
        let measurement = self.add()?;
        let (command, running) = (self.command.clone(), Arc::clone(&measurement));
        tokio::spawn(async move { running.run(&command).await });
        Ok(measurement)
    }

    fn add(&self) -> Result<Arc<Measurement>, StartError> {
        let mut list = self.lock();
        if *self.closed.borrow() {
            return Err(StartError::Closed);
        }
        if let Some(running) = list.running() {
            return Err(StartError::Busy(running));
        }
        list.last_number += 1;
        let measurement = Arc::new(Measurement::new(list.last_number));
        list.measurements.push_front(Arc::clone(&measurement));
        list.measurements.truncate(MAX_KEPT + 1);
        Ok(measurement)
    }

    /// The measurement with this number, if it is kept.
    pub(super) fn find(&self, number: u64) -> Option<Arc<Measurement>> {
        self.lock().measurements.iter().find(|one| one.number == number).cloned()
    }

    /// The one that runs.
    pub(super) fn running(&self) -> Option<Arc<Measurement>> {
        self.lock().running()
    }

    /// Those that have ended, the newest first.
    pub(super) fn ended(&self) -> Vec<Arc<Measurement>> {
        let list = self.lock();
        let ended = list.measurements.iter().filter(|one| !one.is_running());
        ended.take(MAX_KEPT).cloned().collect()
    }

    /// Becomes true when the server stops.
    pub(super) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Stops the one that runs, starts no other, and ends the responses that follow its progress.
    pub(super) fn start_close(&self) {
        let list = self.lock();
        self.closed.send_replace(true);
        if let Some(running) = list.running() {
            running.stop();
        }
    }

    /// Waits, after [`start_close`](Self::start_close), until the one that ran has ended.
    pub(super) async fn close(&self) {
        self.start_close();
        if let Some(running) = self.running() {
            running.ended().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn running(&self) -> Option<Arc<Measurement>> {
        self.measurements.front().filter(|newest| newest.is_running()).cloned()
    }
}

impl Measurement {
    fn new(number: u64) -> Self {
        let state = watch::Sender::new(State::Running(ProgressLine::default()));
        let started_at = SystemClock.read().wall;
        Self { number, started_at, started: Instant::now(), state, stop: Notify::new() }
    }

    /// What has become of it.
    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Follows what becomes of it.
    pub(super) fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// For how many seconds it has been running.
    pub(super) fn seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// Stops it, if it runs.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) {
        // The sender is in `self`.
        let _ = self.subscribe().wait_for(|state| !matches!(state, State::Running(_))).await;
    }

    fn is_running(&self) -> bool {
        matches!(*self.state.borrow(), State::Running(_))
    }

    async fn run(&self, command: &CompareCommand) {
        let outcome = match command.start().await {
            Ok(mut process) => {
                let measured = tokio::select! {
                    report = process.report(|line| drop(self.state.send_replace(State::Running(line)))) => Some(report),
                    () = self.stop.notified() => None,
                };
                process.end().await;
                measured
            }
            Err(error) => Some(Err(error)),
        };
        self.state.send_replace(match outcome {
            Some(Ok(report)) => State::Done(Arc::new(report)),
            Some(Err(error)) => State::Failed(Arc::new(error)),
            None => State::Stopped,
        });
    }
}
