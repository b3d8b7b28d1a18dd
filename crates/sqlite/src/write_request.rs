//! What the writer is asked for, and how whoever asked is answered.

use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::oneshot;

use counterfoil_core::store::{
    Change, CommitListener, CommitOutcome, CounterIncrement, CounterValue, LastSeen, StoreError,
};
use counterfoil_jose::Time;

use crate::apply::{Stop, apply};
use crate::counters::take;
use crate::error_class;
use crate::purge::purge;
use crate::sessions::note_use;

/// One thing to be done by the writer.
pub(crate) enum Job {
    /// Apply changes, all or none.
    Commit(Order<Vec<Change>, CommitOutcome>),
    /// Write down that sessions were used.
    NoteUses(Order<Vec<LastSeen>, ()>),
    /// Take from counters at that time.
    Take(Order<(Vec<CounterIncrement>, Time), Vec<CounterValue>>),
    /// Drop what is over at that time, that many rows at most.
    Purge(Order<(Time, u32), u64>),
    /// Close the store.
    Close(oneshot::Sender<()>),
}

/// What is asked, what came of it, and who wants to know.
pub(crate) struct Order<A, R> {
    pub(crate) asked: A,
    /// When it was handed over.
    since: Instant,
    result: Option<Result<R, StoreError>>,
    reply: oneshot::Sender<Result<R, StoreError>>,
}

impl<A, R> Order<A, R> {
    /// An order, and where its answer will arrive.
    pub(crate) fn new(asked: A) -> (Self, oneshot::Receiver<Result<R, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { asked, since: Instant::now(), result: None, reply }, answer)
    }

    /// Tells whoever asked, if they still wait.
    fn answer(self) {
        // An order that nothing came of was never carried out, or it is not known whether it was.
        let _ = self.reply.send(self.result.unwrap_or(Err(StoreError::Poisoned)));
    }

    fn fail(self, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

impl Job {
    /// Carries the job out within a savepoint of the open transaction, and keeps the result for later.
    ///
    /// # Errors
    ///
    /// If the whole transaction has failed, with every job in it.
    pub(crate) fn carry_out(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        match self {
            Self::Commit(order) => {
                order.result = Some(match within_savepoint(connection, |c| apply(c, &order.asked))? {
                    Ok(applied) => Ok(CommitOutcome::Applied(applied)),
                    Err(Stop::Lost(index)) => Ok(CommitOutcome::Conflict(index)),
                    Err(Stop::Failed(error)) => Err(error_class::told(error)),
                });
            }
            Self::NoteUses(order) => {
                let note = |c: &Connection| Ok(order.asked.iter().try_for_each(|used| note_use(c, used))?);
                order.result = Some(settled(within_savepoint(connection, note)?));
            }
            Self::Take(order) => {
                let (takings, now) = &order.asked;
                order.result = Some(settled(within_savepoint(connection, |c| Ok(take(c, takings, *now)?))?));
            }
            Self::Purge(order) => {
                let (now, limit) = order.asked;
                order.result = Some(settled(within_savepoint(connection, |c| Ok(purge(c, now, limit)?))?));
            }
            Self::Close(_) => {}
        }
        Ok(())
    }

    /// The newest time in what was applied.
    pub(crate) fn newest_time(&self) -> Time {
        match self {
            Self::Commit(Order { asked, result: Some(Ok(CommitOutcome::Applied(_))), .. }) => {
                asked.iter().map(crate::metadata::newest_time_in).max().unwrap_or_default()
            }
            Self::NoteUses(order) => order.asked.iter().map(|used| used.at).max().unwrap_or_default(),
            Self::Commit(_) | Self::Take(_) | Self::Purge(_) | Self::Close(_) => Time::EPOCH,
        }
    }

    /// Tells the witnesses what was applied: it is durable now.
    pub(crate) fn show(&self, witnesses: &[Arc<dyn CommitListener>]) {
        if let Self::Commit(Order { asked, result: Some(Ok(CommitOutcome::Applied(applied))), .. }) = self {
            for witness in witnesses {
                witness.committed(asked, applied);
            }
        }
    }

    /// When it was handed over, if it is an order to write.
    pub(crate) fn since(&self) -> Option<Instant> {
        match self {
            Self::Commit(order) => Some(order.since),
            Self::NoteUses(order) => Some(order.since),
            Self::Take(order) => Some(order.since),
            Self::Purge(order) => Some(order.since),
            Self::Close(_) => None,
        }
    }

    /// Answers whoever asked.
    pub(crate) fn answer(self) {
        match self {
            Self::Commit(order) => order.answer(),
            Self::NoteUses(order) => order.answer(),
            Self::Take(order) => order.answer(),
            Self::Purge(order) => order.answer(),
            Self::Close(reply) => {
                let _ = reply.send(());
            }
        }
    }

    /// Answers whoever asked that it could not be done.
    pub(crate) fn fail(self, error: StoreError) {
        match self {
            Self::Commit(order) => order.fail(error),
            Self::NoteUses(order) => order.fail(error),
            Self::Take(order) => order.fail(error),
            Self::Purge(order) => order.fail(error),
            Self::Close(reply) => {
                let _ = reply.send(());
            }
        }
    }
}

fn settled<R>(result: Result<R, Stop>) -> Result<R, StoreError> {
    match result {
        Ok(done) => Ok(done),
        Err(Stop::Failed(error)) => Err(error_class::told(error)),
        // Neither a use nor a counter nor the purge expects anything.
        Err(Stop::Lost(_)) => Err(StoreError::Poisoned),
    }
}

/// Does something in a savepoint, so that what one caller has lost takes nothing from the others.
///
/// The outer error is one of the whole transaction: SQLite has rolled it back, or it can't be relied on.
fn within_savepoint<R>(
    connection: &Connection,
    act: impl FnOnce(&Connection) -> Result<R, Stop>,
) -> rusqlite::Result<Result<R, Stop>> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let result = match act(connection) {
        Err(Stop::Failed(error))
            if connection.is_autocommit() || !error_class::is_of_one_statement(&error) =>
        {
            return Err(error);
        }
        result => result,
    };
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    Ok(result)
}
