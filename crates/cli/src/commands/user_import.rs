//! `counterfoil user import`: imports users of another system, with their password hashes.

use std::collections::HashMap;

use counterfoil::operator::{
    self, ImportResponse, ImportedUserOutcome, ImportedUserResponse, MAX_IMPORTED_USERS,
};
use counterfoil_core::ClientError;
use counterfoil_core::services::user_import::ImportedUser;
use counterfoil_jose::{Time, json};

use crate::admin_client::AdminConnection;
use crate::commands::user_import::lines::Lines;
use crate::commands::user_import::summary::Summary;
use crate::configuration::Configuration;
use crate::datetime;
use crate::error::CliError;
use crate::input_file::InputFile;

mod lines;
mod options;
mod summary;

pub(crate) use options::Options;

/// The most bytes of lines in one command; the admin socket accepts 64 KiB.
const MAX_BATCH_BYTES: usize = 40 * 1024;

/// Runs the command. All lines are validated before the first user is imported.
pub(crate) async fn run(configuration: &Configuration, mut options: Options) -> Result<(), CliError> {
    // It is read twice.
    let input = InputFile::open(&options.file, None)?;
    options.file = input.path().to_owned();
    let mut summary = validate(&options)?;
    if summary.has_errors() {
        return summary.print(&options, "no user was imported");
    }
    let connection = AdminConnection::open(configuration, !options.dry_run).await?;
    let imported = import(&connection, &options, &mut summary).await;
    let closed = connection.close().await;
    if imported.is_err() {
        eprintln!("added {} users before the error; run the command again to continue", summary.added);
    }
    imported.and(closed)?;
    summary.print(&options, "the other users were imported")
}

/// Validates every line, and that no login name is repeated.
fn validate(options: &Options) -> Result<Summary, CliError> {
    let mut summary = Summary::default();
    let mut first_lines = HashMap::new();
    let now = Time::from_unix_seconds(datetime::now().unsigned_abs());
    for line in Lines::open(&options.file, "validating")? {
        let (number, text) = line?;
        let name = text.and_then(|text| parse_user(&text)).and_then(|user| {
            let user = user.validate(now).map_err(|error: ClientError| error.to_string())?;
            Ok(user.login_name().to_owned())
        });
        match name.map(|name| first_lines.insert(name, number)) {
            Ok(None) => {}
            Ok(Some(first)) => {
                summary.add_error(
                    number,
                    format!("the same user is already in line {first}"),
                    options.max_errors,
                );
            }
            Err(error) => summary.add_error(number, error, options.max_errors),
        }
    }
    Ok(summary)
}

/// Imports all users, in batches as large as a command may be.
async fn import(
    connection: &AdminConnection,
    options: &Options,
    summary: &mut Summary,
) -> Result<(), CliError> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for line in Lines::open(&options.file, "importing")? {
        let (number, text) = line?;
        let text = text.map_err(|error| line_changed(number, &error))?;
        let user = parse_user(&text).map_err(|error| line_changed(number, &error))?;
        if batch.len() == MAX_IMPORTED_USERS || bytes + text.len() > MAX_BATCH_BYTES {
            send(connection, options, std::mem::take(&mut batch), summary).await?;
            bytes = 0;
        }
        bytes += text.len();
        batch.push((number, user));
    }
    send(connection, options, batch, summary).await
}

async fn send(
    connection: &AdminConnection,
    options: &Options,
    batch: Vec<(u64, ImportedUser)>,
    summary: &mut Summary,
) -> Result<(), CliError> {
    let (numbers, users): (Vec<u64>, Vec<ImportedUser>) = batch.into_iter().unzip();
    if users.is_empty() {
        return Ok(());
    }
    let command = operator::Command::UserImport { users, dry_run: options.dry_run };
    let ImportResponse { users: results, .. } = connection.execute(command).await?;
    if results.len() != numbers.len() {
        return Err(CliError::failure("the answer of the server does not match the users"));
    }
    for (number, result) in numbers.into_iter().zip(results) {
        match result {
            ImportedUserResponse::Outcome(ImportedUserOutcome::Added) => summary.added += 1,
            ImportedUserResponse::Outcome(ImportedUserOutcome::AlreadyExists) => summary.already_exist += 1,
            ImportedUserResponse::Error(error) => summary.add_error(number, error, options.max_errors),
            _ => summary.add_error(number, "the user was not imported".to_owned(), options.max_errors),
        }
    }
    Ok(())
}

/// Parses a line strictly. The error does not repeat the line, which may contain a secret.
fn parse_user(text: &str) -> Result<ImportedUser, String> {
    json::parse_object(text.as_bytes()).map_err(|error| error.to_string())
}

fn line_changed(number: u64, error: &str) -> CliError {
    CliError::failure(format!("line {number} was changed after its validation: {error}"))
}
