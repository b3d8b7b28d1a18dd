//! `counterfoil user import`: imports users of another system, with their password hashes.

use std::collections::HashMap;
use std::sync::Arc;

use counterfoil::operator::{
    self, ImportResponse, ImportedUserOutcome, ImportedUserResponse, MAX_IMPORTED_USERS,
};
use counterfoil_core::services::user_import::ImportedUser;
use counterfoil_jose::Time;

use crate::admin_client::AdminConnection;
use crate::commands::user_import::format::firebase::HashConfig;
use crate::commands::user_import::input::Input;
use crate::commands::user_import::records::Records;
use crate::commands::user_import::summary::Summary;
use crate::configuration::Configuration;
use crate::datetime;
use crate::error::CliError;

mod column;
mod exported_user;
mod format;
mod format_options;
mod input;
mod lines;
mod options;
mod records;
mod summary;

pub(crate) use options::Options;

/// The most bytes of users in one command; the admin socket accepts 64 KiB.
const MAX_BATCH_BYTES: usize = 40 * 1024;

/// Runs the command. All records are validated before the first user is imported.
pub(crate) async fn run(configuration: &Configuration, options: Options) -> Result<(), CliError> {
    let input = Input::new(&options.file)?;
    let hash_config = options.format.hash_config.as_deref().map(HashConfig::read).transpose()?.map(Arc::new);
    let mut import =
        Import { summary: Summary::default(), valid: HashMap::new(), input, hash_config, options };
    import.validate()?;
    if import.summary.has_errors() && !import.options.skip_invalid {
        return import.summary.print(&import.options, "no user was imported");
    }
    let connection = if import.options.dry_run {
        AdminConnection::open_for_dry_run(configuration).await?
    } else {
        AdminConnection::open(configuration, true).await?
    };
    let imported = import.run(&connection).await;
    let closed = connection.close().await;
    if imported.is_err() {
        let added = import.summary.added;
        eprintln!("added {added} users before the error; run the command again to continue");
    }
    imported.and(closed)?;
    import.summary.print(&import.options, "the other users were imported")
}

/// A running import.
struct Import {
    input: Input,
    /// The hash parameters of a Firebase project.
    hash_config: Option<Arc<HashConfig>>,
    options: Options,
    summary: Summary,
    /// The numbers of the valid records by their login names.
    valid: HashMap<String, u64>,
}

impl Import {
    fn records(&self, label: &'static str) -> Result<Records, CliError> {
        records::records(&self.input, &self.options.format, self.hash_config.as_ref(), label)
    }

    /// Validates every record, and that no login name is repeated.
    fn validate(&mut self) -> Result<(), CliError> {
        let now = Time::from_unix_seconds(datetime::now().unsigned_abs());
        for record in self.records("validating")? {
            let (number, record) = record.map_err(|error| self.input.cannot_read(&error))?;
            match record.and_then(|user| self.login_name(user, now)) {
                Ok(None) => self.summary.left_out += 1,
                Ok(Some(name)) => {
                    if let Some(&first) = self.valid.get(&name) {
                        let unit = self.options.format.unit();
                        self.add_error(number, format!("the same user is already in {unit} {first}"));
                    } else {
                        self.valid.insert(name, number);
                    }
                }
                Err(error) => self.add_error(number, error),
            }
        }
        Ok(())
    }

    /// The login name of a valid user. An error names the field as the other system does.
    fn login_name(&mut self, user: Option<ImportedUser>, now: Time) -> Result<Option<String>, String> {
        let Some(user) = user else { return Ok(None) };
        let has_only_address = user.username.is_none() && user.email.is_some();
        self.summary.has_unverified_addresses |= has_only_address && !user.email_verified;
        match user.validate(now) {
            Ok(target) => Ok(Some(target.login_name().to_owned())),
            Err(error) => Err(self.in_source_terms(&error.to_string())),
        }
    }

    /// The error with the name that the other system has for the field.
    fn in_source_terms(&self, error: &str) -> String {
        match error.split_once(": ") {
            Some((field, detail)) => {
                format!("{}: {detail}", self.options.format.source_name(field))
            }
            None => error.to_owned(),
        }
    }

    /// Imports all valid users, in batches as large as a command may be.
    async fn run(&mut self, connection: &AdminConnection) -> Result<(), CliError> {
        let now = Time::from_unix_seconds(datetime::now().unsigned_abs());
        let (mut batch, mut bytes, mut sent) = (Vec::new(), 0, 0);
        for record in self.records("importing")? {
            let (number, record) = record.map_err(|error| self.input.cannot_read(&error))?;
            let Ok(Some(user)) = record else { continue };
            let name = user.validate(now).ok().map(|target| target.login_name().to_owned());
            // A record that was not valid when all were validated is not imported.
            if name.and_then(|name| self.valid.get(&name)) != Some(&number) {
                continue;
            }
            let length = serde_json::to_vec(&user).map_err(|error| CliError::from_error(&error))?.len();
            if batch.len() == MAX_IMPORTED_USERS || bytes + length > MAX_BATCH_BYTES {
                self.send(connection, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += length;
            sent += 1;
            batch.push((number, user));
        }
        self.send(connection, batch).await?;
        if sent == self.valid.len() {
            return Ok(());
        }
        Err(CliError::failure("the file was changed after its validation")
            .with_hint("run the command again; users that were already imported are skipped"))
    }

    async fn send(
        &mut self,
        connection: &AdminConnection,
        batch: Vec<(u64, ImportedUser)>,
    ) -> Result<(), CliError> {
        let (numbers, users): (Vec<u64>, Vec<ImportedUser>) = batch.into_iter().unzip();
        if users.is_empty() {
            return Ok(());
        }
        let command = operator::Command::UserImport { users, dry_run: self.options.dry_run };
        let ImportResponse { users: results, .. } = connection.execute(command).await?;
        if results.len() != numbers.len() {
            return Err(CliError::failure("the answer of the server does not match the users"));
        }
        for (number, result) in numbers.into_iter().zip(results) {
            match result {
                ImportedUserResponse::Outcome(ImportedUserOutcome::Added) => self.summary.added += 1,
                ImportedUserResponse::Outcome(ImportedUserOutcome::AlreadyExists) => {
                    self.summary.already_exist += 1;
                }
                ImportedUserResponse::Error(error) => self.add_error(number, self.in_source_terms(&error)),
                _ => self.add_error(number, "the user was not imported".to_owned()),
            }
        }
        Ok(())
    }

    fn add_error(&mut self, number: u64, error: String) {
        self.summary.add_error(number, error, self.options.max_errors);
    }
}
