//! The formats of an import: which system wrote the file, and its names for what is imported.

pub(super) mod auth0;
pub(super) mod csv;
pub(super) mod django;
pub(super) mod document;
pub(super) mod firebase;
pub(super) mod jsonl;
pub(super) mod keycloak;
pub(super) mod ldif;
pub(super) mod table_columns;

use clap::ValueEnum;

use crate::commands::user_import::column::Column;
use crate::commands::user_import::format::table_columns::TableColumns;

/// The system that wrote the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object per line, with the members of an imported user.
    Jsonl,
    /// A table with a header line: CSV, or tab-separated text.
    Csv,
    /// ASP.NET Core Identity: the table AspNetUsers as CSV.
    Aspnet,
    /// Auth0: the export of password hashes, one JSON object per line.
    Auth0,
    /// Better Auth: the table user with the passwords in account, as CSV.
    BetterAuth,
    /// Devise: the table users as CSV.
    Devise,
    /// Django: `manage.py dumpdata`, JSON or JSONL.
    Django,
    /// Firebase: `firebase auth:export`, JSON.
    Firebase,
    /// Keycloak: a realm export with users, JSON.
    Keycloak,
    /// Laravel: the table users as CSV.
    Laravel,
    /// LDAP: `slapcat` or `ldapsearch -L`, LDIF.
    Ldif,
    /// phpBB: the table phpbb_users as CSV.
    Phpbb,
    /// Supabase: the table auth.users as CSV.
    Supabase,
    /// WordPress: the table wp_users as CSV.
    Wordpress,
}

impl Format {
    /// What the numbers of the records count.
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Firebase | Self::Keycloak | Self::Django => "record",
            Self::Jsonl
            | Self::Csv
            | Self::Aspnet
            | Self::Auth0
            | Self::BetterAuth
            | Self::Devise
            | Self::Laravel
            | Self::Ldif
            | Self::Phpbb
            | Self::Supabase
            | Self::Wordpress => "line",
        }
    }

    /// The name that the other system has for a member of an imported user.
    pub(super) fn source_name<'a>(self, member: &'a str, columns: &'a [Column]) -> &'a str {
        let find = |names: &[(&str, &'a str)]| {
            names.iter().find(|(known, _)| *known == member).map_or(member, |(_, name)| *name)
        };
        match self {
            Self::Jsonl => member,
            Self::Csv => find(&table_columns::chosen(columns)),
            Self::Auth0 => find(auth0::NAMES),
            Self::Django => find(django::NAMES),
            Self::Firebase => find(firebase::NAMES),
            Self::Keycloak => find(keycloak::NAMES),
            Self::Ldif => find(ldif::NAMES),
            Self::Aspnet
            | Self::BetterAuth
            | Self::Devise
            | Self::Laravel
            | Self::Phpbb
            | Self::Supabase
            | Self::Wordpress => self.table().map_or(member, |table| find(table.names)),
        }
    }

    /// The table of the users, if the system exports one.
    pub(super) const fn table(self) -> Option<TableColumns> {
        match self {
            Self::Aspnet => Some(table_columns::ASPNET),
            Self::BetterAuth => Some(table_columns::BETTER_AUTH),
            Self::Devise => Some(table_columns::DEVISE),
            Self::Laravel => Some(table_columns::LARAVEL),
            Self::Phpbb => Some(table_columns::PHPBB),
            Self::Supabase => Some(table_columns::SUPABASE),
            Self::Wordpress => Some(table_columns::WORDPRESS),
            Self::Jsonl
            | Self::Csv
            | Self::Auth0
            | Self::Django
            | Self::Firebase
            | Self::Keycloak
            | Self::Ldif => None,
        }
    }
}
