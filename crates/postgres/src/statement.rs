//! Statements with their parameters, and how they are executed: one by one, or sent together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use counterfoil_core::store::TransactionPart;

use crate::error::QueryError;
use crate::error_class::{is_conflict, is_connection_lost, is_retryable};

/// An open connection with its prepared statements.
pub(crate) type Connection = deadpool_postgres::ClientWrapper;

/// A parameter of a statement.
pub(crate) type Parameter<'p> = Box<dyn ToSql + Sync + Send + 'p>;

/// A statement with its parameters.
pub(crate) struct Statement<'p> {
    sql: &'static str,
    parameters: Vec<Parameter<'p>>,
}

/// A [`Statement`] of this SQL and these parameters.
macro_rules! statement {
    ($sql:expr $(, $parameter:expr)* $(,)?) => {
        $crate::statement::Statement::new(
            $sql,
            vec![$(Box::new($parameter) as $crate::statement::Parameter<'_>),*],
        )
    };
}
pub(crate) use statement;

/// The SQL of an `INSERT`, `UPDATE` or `DELETE` that conflicts if it changes no row.
macro_rules! required {
    ($($sql:expr),+ $(,)?) => {
        concat!("WITH changed AS (", $($sql,)+ " RETURNING 1) SELECT require_row(EXISTS (SELECT FROM changed))")
    };
}
pub(crate) use required;

/// The SQL of a condition on the rows of a `SELECT`: it conflicts if there is no row.
macro_rules! required_row {
    ($($sql:expr),+ $(,)?) => {
        concat!("SELECT require_row(EXISTS (", $($sql,)+ "))")
    };
}
pub(crate) use required_row;

impl<'p> Statement<'p> {
    pub(crate) fn new(sql: &'static str, parameters: Vec<Parameter<'p>>) -> Self {
        #[cfg(test)]
        crate::statement_plans::record(sql);
        Self { sql, parameters }
    }

    /// The rows of the result.
    pub(crate) async fn query(&self, connection: &Connection) -> Result<Vec<Row>, QueryError> {
        let prepared = connection.prepare_cached(self.sql).await?;
        Ok(connection.query(&prepared, &self.borrowed()).await?)
    }

    /// The only row of the result; `None` if it is empty.
    pub(crate) async fn query_opt(&self, connection: &Connection) -> Result<Option<Row>, QueryError> {
        Ok(self.query(connection).await?.into_iter().next())
    }

    /// The only row of the result, which there must be.
    pub(crate) async fn query_one(&self, connection: &Connection) -> Result<Row, QueryError> {
        self.query_opt(connection).await?.ok_or(QueryError::InvalidValue("a row is missing"))
    }

    /// Whether the result has a row.
    pub(crate) async fn exists(&self, connection: &Connection) -> Result<bool, QueryError> {
        Ok(self.query_opt(connection).await?.is_some())
    }

    fn borrowed(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect()
    }
}

/// Why a transaction was not committed, or may not have been.
pub(crate) enum Failure {
    /// This part conflicts. Nothing is committed.
    Conflict(TransactionPart),
    /// A statement failed. Nothing is committed.
    Statement(QueryError),
    /// Other transactions were in the way. Nothing is committed, and it may succeed if it is tried again.
    Retry(QueryError),
    /// The connection was lost before the transaction was complete. Nothing is committed.
    ConnectionLost(QueryError),
    /// The connection was lost after `COMMIT` was sent. Only the database knows whether it was executed.
    OutcomeUnknown(QueryError),
    /// Another connection of this process has become the writer, or its row was removed. Nothing is committed.
    Superseded,
}

impl From<QueryError> for Failure {
    /// An error before a statement was sent, or of a value that was read.
    fn from(error: QueryError) -> Self {
        if is_connection_lost(&error) { Self::ConnectionLost(error) } else { Self::Statement(error) }
    }
}

/// What a command is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// It begins the transaction, or a part of it.
    Control,
    /// It executes an operation, of this part of a transaction if it can conflict.
    Operation(Option<TransactionPart>),
    /// It notes the commit, if this connection is still the writer.
    Mark,
    /// It commits the transaction.
    Commit,
}

enum Command<'t> {
    Simple(&'static str),
    Prepared(Statement<'t>),
}

/// A command, and what becomes of its rows.
struct Queued<'t> {
    purpose: Purpose,
    command: Command<'t>,
    keeps_rows_as: Option<KeptRows>,
}

/// The rows of a statement that are read when the transaction is committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptRows(usize);

/// The commands of a transaction that are not sent yet.
///
/// They are sent together, without a wait for each answer. A command that fails makes PostgreSQL refuse those behind it,
/// and a `COMMIT` behind it rolls back. So a transaction whose statements do not depend on each other takes one round trip.
pub(crate) struct Pipeline<'c, 't> {
    connection: &'c Connection,
    queued: Vec<Queued<'t>>,
    kept: Vec<Vec<Row>>,
    answer_timeout: Duration,
}

impl<'c, 't> Pipeline<'c, 't> {
    pub(crate) fn new(connection: &'c Connection, answer_timeout: Duration) -> Self {
        Self { connection, queued: Vec::new(), kept: Vec::new(), answer_timeout }
    }

    /// Adds a command of the transaction itself, such as `BEGIN`.
    pub(crate) fn control(&mut self, sql: &'static str) {
        self.add(Purpose::Control, Command::Simple(sql));
    }

    /// Adds a statement of this part of a transaction, which may conflict.
    pub(crate) fn push(&mut self, part: TransactionPart, statement: Statement<'t>) {
        self.add(Purpose::Operation(Some(part)), Command::Prepared(statement));
    }

    /// Adds a statement that cannot conflict.
    pub(crate) fn push_certain(&mut self, statement: Statement<'t>) {
        self.add(Purpose::Operation(None), Command::Prepared(statement));
    }

    /// As [`push_certain`](Self::push_certain), and keeps the rows until the transaction has ended.
    pub(crate) fn push_keeping_rows(&mut self, statement: Statement<'t>) -> KeptRows {
        let rows = KeptRows(self.kept.len());
        self.kept.push(Vec::new());
        let (purpose, command) = (Purpose::Operation(None), Command::Prepared(statement));
        self.queued.push(Queued { purpose, command, keeps_rows_as: Some(rows) });
        rows
    }

    /// The rows of a statement that was executed.
    pub(crate) fn kept(&self, rows: KeptRows) -> &[Row] {
        self.kept.get(rows.0).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, purpose: Purpose, command: Command<'t>) {
        self.queued.push(Queued { purpose, command, keeps_rows_as: None });
    }

    /// Forgets what was not sent.
    pub(crate) fn clear(&mut self) {
        self.queued.clear();
    }

    /// Sends a statement with everything before it, and waits for its rows.
    pub(crate) async fn query(&mut self, statement: Statement<'t>) -> Result<Vec<Row>, Failure> {
        self.push_certain(statement);
        Ok(self.send().await?.pop().unwrap_or_default())
    }

    /// Sends everything, and waits for the answers.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        if self.queued.is_empty() {
            return Ok(());
        }
        self.send().await.map(drop)
    }

    /// Sends everything with `mark` and `COMMIT`.
    pub(crate) async fn commit(&mut self, mark: Statement<'t>) -> Result<(), Failure> {
        self.add(Purpose::Mark, Command::Prepared(mark));
        self.add(Purpose::Commit, Command::Simple("COMMIT"));
        self.send().await.map(drop)
    }

    /// Sends everything with `COMMIT`, without a mark: what is written says by itself whether it was committed.
    pub(crate) async fn end(&mut self) -> Result<(), Failure> {
        self.add(Purpose::Commit, Command::Simple("COMMIT"));
        self.send().await.map(drop)
    }

    /// Sends what is queued; returns the rows of each command.
    async fn send(&mut self) -> Result<Vec<Vec<Row>>, Failure> {
        let queued = std::mem::take(&mut self.queued);
        let sends_commit = queued.iter().any(|queued| queued.purpose == Purpose::Commit);
        let mut prepared = Vec::with_capacity(queued.len());
        for queued in &queued {
            prepared.push(match &queued.command {
                Command::Simple(_) => None,
                Command::Prepared(statement) => Some(self.prepare(statement).await?),
            });
        }
        // A command that could not be sent must not be followed by a COMMIT that was.
        let has_failed = AtomicBool::new(false);
        let answers = queued.iter().zip(&prepared).map(async |(queued, prepared)| {
            if queued.purpose == Purpose::Commit && has_failed.load(Ordering::Relaxed) {
                return self.connection.batch_execute("ROLLBACK").await.map(|()| Vec::new());
            }
            let answer = match (&queued.command, prepared) {
                (Command::Prepared(statement), Some(prepared)) => {
                    self.connection.query(prepared, &statement.borrowed()).await
                }
                (Command::Simple(sql), _) => self.connection.batch_execute(sql).await.map(|()| Vec::new()),
                (Command::Prepared(_), None) => Ok(Vec::new()),
            };
            if answer.is_err() {
                has_failed.store(true, Ordering::Relaxed);
            }
            answer
        });
        // The futures send when they are polled first, in their order.
        let Ok(answers) = timeout(self.answer_timeout, join_all(answers)).await else {
            return Err(lost(sends_commit, QueryError::TimedOut));
        };
        let mut rows = Vec::with_capacity(answers.len());
        for (answer, queued) in answers.into_iter().zip(&queued) {
            match (answer, queued.keeps_rows_as) {
                (Ok(answer), None) => rows.push(answer),
                (Ok(answer), Some(KeptRows(number))) => self.kept[number] = answer,
                (Err(error), _) => return Err(classify(queued.purpose, sends_commit, error.into())),
            }
        }
        Ok(rows)
    }

    async fn prepare(&self, statement: &Statement<'t>) -> Result<tokio_postgres::Statement, Failure> {
        match timeout(self.answer_timeout, self.connection.prepare_cached(statement.sql)).await {
            Ok(prepared) => Ok(prepared.map_err(QueryError::from)?),
            Err(_) => Err(Failure::ConnectionLost(QueryError::TimedOut)),
        }
    }
}

/// The connection was lost while commands were on their way.
fn lost(sends_commit: bool, error: QueryError) -> Failure {
    if sends_commit { Failure::OutcomeUnknown(error) } else { Failure::ConnectionLost(error) }
}

/// What the first error of a pipeline means. Everything before it was executed.
fn classify(purpose: Purpose, sends_commit: bool, error: QueryError) -> Failure {
    if is_connection_lost(&error) {
        return lost(sends_commit, error);
    }
    if is_retryable(&error) {
        return Failure::Retry(error);
    }
    match purpose {
        Purpose::Operation(Some(part)) if is_conflict(&error) => Failure::Conflict(part),
        Purpose::Mark if is_conflict(&error) => Failure::Superseded,
        _ => Failure::Statement(error),
    }
}
