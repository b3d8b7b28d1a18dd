//! `counterfoil restore`: a backup takes the place of the store, and everybody logs in again.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;
use counterfoil::operator::{KeptOnRestore, RestoreError, Restored, restore};
use dialoguer::Confirm;
use serde_json::{Value, json};

use crate::configuration::Configuration;
use crate::datetime;
use crate::fault::Fault;
use crate::printable::printable;
use crate::show;

/// What to restore.
#[derive(Args)]
pub(crate) struct Options {
    /// A file that `counterfoil backup` has written. It is not changed.
    file: PathBuf,
    /// Keeps cookie sessions alive. Those that were ended after the backup was made live again, and with them
    /// whoever has stolen one. Access and refresh tokens are dead all the same.
    #[arg(long)]
    keep_sessions: bool,
    /// Asks nothing.
    #[arg(long)]
    yes: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, options: Options) -> Result<(), Fault> {
    let settings = common.settings(common.listen)?;
    if !options.yes && !confirmed(&options, &settings.store.to_string())? {
        return Err(Fault::failure("nothing was restored"));
    }
    let spared = if options.keep_sessions { KeptOnRestore::CookieSessions } else { KeptOnRestore::Nothing };
    let restored = restore(&settings, &options.file, spared).await?;
    if options.json {
        return show::json(&summary(&restored, spared));
    }
    show::say(&report(&restored, spared))
}

/// Says what will happen, and asks.
fn confirmed(options: &Options, store: &str) -> Result<bool, Fault> {
    if !io::stdin().is_terminal() {
        return Err(Fault::usage("there is no terminal to ask on").hint("--yes restores without asking"));
    }
    eprintln!("{}", warning(options, store));
    Confirm::new()
        .with_prompt("Restore it?")
        .default(false)
        .interact()
        .map_err(|error| Fault::because("the question cannot be asked", &error))
}

fn warning(options: &Options, store: &str) -> String {
    let file = printable(&options.file.to_string_lossy());
    let sessions = match options.keep_sessions {
        true => {
            "Cookie sessions of the backup live on, also those that were ended after it was made.\n\
             All access and refresh tokens are dead."
        }
        false => "Everybody is logged out.",
    };
    format!(
        "{file} takes the place of {store}, which is kept beside it.\n\
         What happened after the backup was made is lost. {sessions}\n\
         Every signing key and admin key of the backup is revoked."
    )
}

fn report(restored: &Restored, spared: KeptOnRestore) -> String {
    let newest = time(restored.newest);
    let mut lines = vec![
        format!("restored, as of {newest}; what came later is lost"),
        match spared {
            KeptOnRestore::Nothing => "everybody logs in again".to_owned(),
            KeptOnRestore::CookieSessions => "cookie sessions live on, all tokens are dead".to_owned(),
        },
        format!("{} signs from here on; revoked: {}", restored.key, list(&restored.revoked_keys)),
        format!("admin keys removed: {}", list(&restored.removed_admin_keys)),
    ];
    if let Some(former) = &restored.previous_database {
        lines.push(format!("the former database is {}", former.display()));
    }
    lines.push(format!(
        "to be done again by hand, if it was done after {newest}: users disabled or deleted, roles, passwords, clients"
    ));
    lines.into_iter().map(|line| printable(&line)).collect::<Vec<_>>().join("\n")
}

fn list<T: ToString>(names: &[T]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn summary(restored: &Restored, spared: KeptOnRestore) -> Value {
    json!({
        "newest_at": restored.newest.unix_seconds(),
        "restored_at": restored.at.unix_seconds(),
        "log": restored.log,
        "head": restored.head,
        "key": restored.key,
        "revoked_keys": restored.revoked_keys,
        "removed_admin_keys": restored.removed_admin_keys,
        "kept_sessions": spared == KeptOnRestore::CookieSessions,
        "former": restored.previous_database,
    })
}

fn time(time: counterfoil_jose::Time) -> String {
    i64::try_from(time.unix_seconds()).map_or_else(|_| "-".to_owned(), datetime::rfc3339)
}

impl From<RestoreError> for Fault {
    fn from(error: RestoreError) -> Self {
        let fault = Self::of(&error);
        match error.hint() {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}
