//! `counterfoil audit list --follow`: prints audit events as they come.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use counterfoil::operator::{
    self, AuditEventView, AuditFilterRequest, CallError, Command, FollowedEventsResponse, ListResponse,
};
use serde::de::DeserializeOwned;
use tokio::signal::ctrl_c;
use tokio::time::sleep;

use crate::admin_client::{parse, store_settings};
use crate::commands::audit_table::{columns, row};
use crate::configuration::Configuration;
use crate::error::CliError;
use crate::output::{json_line, write_line};
use crate::table::Table;

/// The time between two questions to the server, while there is nothing new.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often in a row the server may refuse the command before that is an error.
const MAX_REFUSALS: u32 = 5;

/// The most events of one answer.
const PAGE_SIZE: u32 = 1000;

/// Prints the newest `limit` events of `filter`, the oldest of them first, and then every later one. It ends with Ctrl-C, or
/// when standard output is closed.
///
/// # Errors
///
/// If no server runs, or if it refuses the filter. While a server restarts, it waits.
pub(crate) async fn follow(
    configuration: &Configuration,
    filter: &AuditFilterRequest,
    limit: u32,
    is_json: bool,
) -> Result<(), CliError> {
    // Listens all the time: a signal that arrives between two times of listening would be lost, and would no longer end the process.
    tokio::select! {
        _ = ctrl_c() => Ok(()),
        result = print_events(configuration, filter, limit, is_json) => result,
    }
}

/// As [`follow`], until standard output is closed.
async fn print_events(
    configuration: &Configuration,
    filter: &AuditFilterRequest,
    limit: u32,
    is_json: bool,
) -> Result<(), CliError> {
    let server = Server { data_dir: data_dir(configuration)? };
    let start: FollowedEventsResponse = server.call(&next_events(filter, None)).await.map_err(cli_error)?;
    let mut position = start.position;
    // The page before the first event that will be followed.
    let (filter_of_page, after) = (filter.clone(), Some((position + 1).to_string()));
    let page = Command::AuditList { filter: filter_of_page, after, limit: Some(limit) };
    let mut recent: ListResponse<AuditEventView> = server.call(&page).await.map_err(cli_error)?;
    recent.items.sort_by_key(|event| event.number);
    let printer = Printer::new(is_json, &recent.items);
    if !printer.print_start(&recent.items)? {
        return Ok(());
    }
    let mut connection = Connection::default();
    loop {
        sleep(INTERVAL).await;
        let answer = server.call::<FollowedEventsResponse>(&next_events(filter, Some(position))).await;
        let Some(answer) = connection.check(answer)? else { continue };
        if answer.position < position {
            eprintln!("the audit log was restored from a backup: its events are followed from there on");
        }
        position = answer.position;
        if !printer.print(&answer.events)? {
            return Ok(());
        }
    }
}

/// Whether the server answers, as standard error says.
#[derive(Default)]
struct Connection {
    is_interrupted: bool,
    /// How often in a row the server refused the command. While it stops, it does so with its store closed.
    refusals: u32,
}

impl Connection {
    /// The answer; `None` while the server may answer again.
    fn check<T>(&mut self, answer: Result<T, FollowError>) -> Result<Option<T>, CliError> {
        match answer {
            Ok(answer) => {
                if self.is_interrupted {
                    eprintln!("the server answers again");
                }
                *self = Self::default();
                Ok(Some(answer))
            }
            Err(FollowError::Call(
                CallError::NoServer(_) | CallError::Io(_) | CallError::NotAnswering { .. },
            )) => {
                if !self.is_interrupted {
                    eprintln!("the server does not answer: waiting for it");
                }
                self.is_interrupted = true;
                Ok(None)
            }
            Err(FollowError::Call(CallError::Failed(_))) if self.refusals < MAX_REFUSALS => {
                self.refusals += 1;
                Ok(None)
            }
            Err(error) => Err(cli_error(error)),
        }
    }
}

fn data_dir(configuration: &Configuration) -> Result<PathBuf, CliError> {
    let data_dir = store_settings(configuration)?.data_dir;
    data_dir.ok_or_else(|| no_server("the store of an application has no server"))
}

fn next_events(filter: &AuditFilterRequest, position: Option<u64>) -> Command {
    Command::AuditFollow { filter: filter.clone(), position, limit: Some(PAGE_SIZE) }
}

/// The server that is followed.
struct Server {
    data_dir: PathBuf,
}

/// Why the server did not answer.
enum FollowError {
    Call(CallError),
    Answer(CliError),
}

impl Server {
    async fn call<T: DeserializeOwned>(&self, command: &Command) -> Result<T, FollowError> {
        let answer = operator::call(&self.data_dir, command).await.map_err(FollowError::Call)?;
        parse(answer).map_err(FollowError::Answer)
    }
}

fn cli_error(error: FollowError) -> CliError {
    match error {
        FollowError::Answer(error) => error,
        FollowError::Call(CallError::NoServer(path)) => {
            no_server(&format!("no server answers at {}", path.display()))
        }
        FollowError::Call(CallError::Failed(error)) => error.into(),
        FollowError::Call(error) => error.into(),
    }
}

fn no_server(message: &str) -> CliError {
    CliError::failure(message)
        .with_hint("`--follow` needs a running server; without it the command lists the log")
}

/// Prints events: as lines of a table, or as lines of JSON.
struct Printer {
    table: Option<Table<8>>,
}

impl Printer {
    /// The columns are as wide as the first events need.
    fn new(is_json: bool, recent: &[AuditEventView]) -> Self {
        let rows: Vec<_> = recent.iter().map(row).collect();
        Self { table: (!is_json).then(|| Table::new(columns(), &rows)) }
    }

    /// Prints the header and the first events; `false` if standard output is closed.
    fn print_start(&self, recent: &[AuditEventView]) -> Result<bool, CliError> {
        match &self.table {
            Some(table) if !write(&table.header())? => Ok(false),
            Some(_) | None => self.print(recent),
        }
    }

    fn print(&self, events: &[AuditEventView]) -> Result<bool, CliError> {
        for event in events {
            let line = match &self.table {
                Some(table) => table.line(&row(event)),
                None => json_line(event)?,
            };
            if !write(&line)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Writes a line at once; `false` if standard output is closed.
fn write(line: &str) -> Result<bool, CliError> {
    match write_line(line) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CliError::with_cause("cannot write to standard output", &error)),
    }
}
