//! `counterfoil restore`: replaces the store by a backup, and revokes the credentials in it.

use std::fs::File;
use std::path::PathBuf;

use clap::Args;
use counterfoil::App;
use counterfoil::operator::{KeptOnRestore, RestoreError, Restored, restore, restore_in_place};
use counterfoil_jose::Time;
use serde_json::{Value, json};

use crate::admin_client::{store_missing, store_settings};
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::confirmation::Confirmation;
use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::input_file::InputFile;
use crate::output::{print_json, print_line};
use crate::progress::with_elapsed_time;
use crate::standard_input::is_standard_input;

/// The options of `restore`.
#[derive(Args)]
pub(crate) struct Options {
    /// The file that `counterfoil backup` wrote, or `-` for standard input. It is not changed.
    #[arg(required_unless_present = "in_place")]
    file: Option<PathBuf>,
    /// The tools of the database server have put back an older state: revoke the credentials in it.
    #[arg(long, conflicts_with = "file")]
    in_place: bool,
    /// Keep cookie sessions. Sessions that ended after the backup become active again, stolen ones too. Access and
    /// refresh tokens are revoked in any case.
    #[arg(long)]
    keep_sessions: bool,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, options: Options) -> Result<(), CliError> {
    let settings = store_settings(configuration)?;
    if let Some(file) = options.file.as_ref().filter(|file| !is_standard_input(file)) {
        // Before the question: a backup that is not there needs no answer.
        File::open(file).map_err(|error| CliError::from_path("read", file, &error))?;
    }
    if options.file.is_none() && !App::store_exists(&settings) {
        return Err(store_missing(&settings));
    }
    options.confirmation.ask(&warning(&options, &settings.store.to_string()), "Restore this backup?")?;
    let kept = if options.keep_sessions { KeptOnRestore::CookieSessions } else { KeptOnRestore::Nothing };
    let restored = match &options.file {
        Some(file) => {
            let backup = InputFile::open(file, None)?;
            with_elapsed_time("restoring", restore(&settings, backup.path(), kept)).await?
        }
        None => with_elapsed_time("revoking", restore_in_place(&settings, kept)).await?,
    };
    if options.json {
        return print_json(&to_json(&restored, kept));
    }
    print_line(&to_text(&restored, kept))
}

/// What will happen.
fn warning(options: &Options, store: &str) -> String {
    let sessions = match options.keep_sessions {
        true => {
            "Cookie sessions of the backup will stay active, also those that ended after it was written.\n\
             All access and refresh tokens will be revoked."
        }
        false => "All users will be logged out.",
    };
    let lost = match options.file {
        Some(_) => "All changes since the backup will be lost.",
        None => "Use it only then: the store itself does not show whether that has happened.",
    };
    let replaced = match &options.file {
        Some(file) if is_standard_input(file) => {
            format!(
                "The backup from standard input will replace {store}; the present database is kept under another name."
            )
        }
        Some(file) => {
            format!(
                "{} will replace {store}; the present database is kept under another name.",
                file.display()
            )
        }
        None => format!("This is for a store that other means have put back to an older state: {store}."),
    };
    format!(
        "{replaced}\n\
         {lost} {sessions}\n\
         All signing keys, admin keys and verifier keys in it will be revoked."
    )
}

fn to_text(restored: &Restored, kept: KeptOnRestore) -> String {
    let newest = rfc3339(restored.newest);
    let mut lines = vec![
        format!("restored the state of {newest}; later changes are lost"),
        match kept {
            KeptOnRestore::Nothing => "all users are logged out".to_owned(),
            KeptOnRestore::CookieSessions => {
                "cookie sessions stay active; all access and refresh tokens are revoked".to_owned()
            }
        },
        format!("new signing key: {}; revoked keys: {}", restored.key, list(&restored.revoked_keys)),
        format!("removed admin keys: {}", list(&restored.removed_admin_keys)),
        format!("removed verifier keys: {}", list(&restored.removed_verifier_keys)),
    ];
    if let Some(former) = &restored.previous_database {
        lines.push(format!("previous database: {}", former.display()));
    }
    lines.push(format!(
        "repeat these changes if they were made after {newest}: users disabled or deleted, roles, passwords, clients"
    ));
    lines.into_iter().map(|line| escape_controls(&line)).collect::<Vec<_>>().join("\n")
}

fn list<T: ToString>(names: &[T]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn to_json(restored: &Restored, kept: KeptOnRestore) -> Value {
    json!({
        "newest_at": restored.newest.unix_seconds(),
        "restored_at": restored.at.unix_seconds(),
        "log_id": restored.log,
        "log_position": restored.head,
        "key": restored.key,
        "revoked_keys": restored.revoked_keys,
        "removed_admin_keys": restored.removed_admin_keys,
        "removed_verifier_keys": restored.removed_verifier_keys,
        "kept_sessions": kept == KeptOnRestore::CookieSessions,
        "previous_database": restored.previous_database,
    })
}

fn rfc3339(time: Time) -> String {
    i64::try_from(time.unix_seconds()).map_or_else(|_| "-".to_owned(), datetime::rfc3339)
}

impl From<RestoreError> for CliError {
    fn from(error: RestoreError) -> Self {
        Self::from_error(&error).with_optional_hint(error.hint())
    }
}
