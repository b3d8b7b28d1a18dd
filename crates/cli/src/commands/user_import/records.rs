//! Reads the records of an import file: each is a user, no account, or invalid.

use std::io::{self, Read as _};
use std::sync::Arc;

use counterfoil_core::services::user_import::ImportedUser;

use crate::commands::user_import::exported_user::ExportedUser;
use crate::commands::user_import::format::csv::{Row, Table};
use crate::commands::user_import::format::firebase::HashConfig;
use crate::commands::user_import::format::{
    Format, auth0, django, document, firebase, jsonl, keycloak, ldif, table_columns,
};
use crate::commands::user_import::format_options::FormatOptions;
use crate::commands::user_import::input::{Input, InputReader};
use crate::commands::user_import::lines::Lines;
use crate::error::CliError;

/// A record: the user in it, `None` if it is no account of a person, or what is wrong with it.
pub(super) type Record = Result<Option<ImportedUser>, String>;

/// The records of an import with their numbers.
pub(super) type Records = Box<dyn Iterator<Item = io::Result<(u64, Record)>>>;

/// Reads the records of `input` in the format of the options.
///
/// # Errors
///
/// If the input cannot be read, or is not an export of that system.
pub(super) fn records(
    input: &Input,
    options: &FormatOptions,
    hash_config: Option<&Arc<HashConfig>>,
    label: &'static str,
) -> Result<Records, CliError> {
    check_options(options)?;
    let reader = input.open(label)?;
    let assume_verified = options.assume_emails_verified;
    if options.format == Format::Jsonl {
        return Ok(Box::new(lines(reader, move |text| jsonl::user(text, assume_verified).map(Some))));
    }
    let users = exported_users(input, options, hash_config, reader)?;
    Ok(Box::new(users.map(move |record| {
        let import = |user: Option<ExportedUser>| user.map(|user| user.into_imported(assume_verified));
        record.map(|(number, user)| (number, user.map(import)))
    })))
}

type Users = Box<dyn Iterator<Item = io::Result<(u64, Result<Option<ExportedUser>, String>)>>>;

/// The users as the other system exports them.
fn exported_users(
    input: &Input,
    options: &FormatOptions,
    hash_config: Option<&Arc<HashConfig>>,
    reader: InputReader,
) -> Result<Users, CliError> {
    Ok(match options.format {
        Format::Jsonl | Format::Csv => {
            let columns = options.columns.clone();
            let names = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>();
            let table = open_table(input, reader, &names)?;
            check_login_column(table.as_ref(), options)?;
            rows(table, move |row| table_columns::user_of_columns(row, &columns).map(Some))
        }
        Format::Auth0 => Box::new(lines(reader, auth0::parse)),
        Format::Ldif => {
            Box::new(ldif::Entries::new(reader).map(|entry| {
                entry.map(|(number, entry)| (number, entry.and_then(|entry| ldif::user(&entry))))
            }))
        }
        Format::Django => document::records(django::records(&read_all(input, reader)?)?, django::user),
        Format::Keycloak => document::records(document::users(&read_all(input, reader)?)?, keycloak::user),
        Format::Firebase => {
            let config = hash_config.cloned();
            let users = document::users(&read_all(input, reader)?)?;
            document::records(users, move |user| firebase::user(user, config.as_deref()))
        }
        Format::Aspnet
        | Format::BetterAuth
        | Format::Devise
        | Format::Laravel
        | Format::Phpbb
        | Format::Supabase
        | Format::Wordpress => {
            let columns = options.format.table().expect("these formats are tables");
            rows(open_table(input, reader, columns.required)?, columns.user)
        }
    })
}

/// Checks that the options belong to the format.
fn check_options(options: &FormatOptions) -> Result<(), CliError> {
    if !options.columns.is_empty() && options.format != Format::Csv {
        return Err(CliError::usage("--column needs --format csv"));
    }
    if options.hash_config.is_some() && options.format != Format::Firebase {
        return Err(CliError::usage("--hash-config needs --format firebase"));
    }
    Ok(())
}

/// The records of a file with one record in each line.
fn lines<T>(
    reader: InputReader,
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl Iterator<Item = io::Result<(u64, Result<T, String>)>> {
    Lines::new(reader)
        .map(move |line| line.map(|(number, text)| (number, text.and_then(|text| parse(&text)))))
}

fn rows(
    table: Option<Table>,
    user: impl Fn(&Row<'_>) -> Result<Option<ExportedUser>, String> + 'static,
) -> Users {
    let mut table = table;
    Box::new(std::iter::from_fn(move || {
        let row = table.as_mut()?.next_row().transpose()?;
        Some(row.map(|(number, row)| (number, row.and_then(|row| user(&row)))))
    }))
}

/// Reads the header of a table, which must have the required columns.
fn open_table(input: &Input, reader: InputReader, required: &[&str]) -> Result<Option<Table>, CliError> {
    let table = Table::open(reader).map_err(|error| input.cannot_read(&error))?;
    let table = table.map_err(|error| CliError::failure(format!("line 1: {error}")))?;
    match table.as_ref().and_then(|table| table.missing(required)) {
        None => Ok(table),
        Some(column) => Err(CliError::failure(format!("line 1: the header has no column `{column}`"))
            .with_hint(
                "export the table with a header line and with all columns; docs/import.md has the command",
            )),
    }
}

/// Checks that a table has a column to log in with.
fn check_login_column(table: Option<&Table>, options: &FormatOptions) -> Result<(), CliError> {
    let columns = ["username", "email"].map(|member| options.source_name(member));
    let has_none = |table: &Table| columns.iter().all(|column| table.missing(&[*column]).is_some());
    if !table.is_some_and(has_none) {
        return Ok(());
    }
    let [username, email] = columns;
    Err(CliError::failure(format!("line 1: the header has no column `{username}` or `{email}`"))
        .with_hint("say which column is which: --column username=login --column password_hash=pw_hash"))
}

fn read_all(input: &Input, mut reader: InputReader) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| input.cannot_read(&error))?;
    Ok(bytes)
}
