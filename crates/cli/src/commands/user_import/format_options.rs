//! The options of `counterfoil user import` that say how the file is read.

use std::path::PathBuf;

use clap::Args;

use crate::commands::user_import::column::Column;
use crate::commands::user_import::format::Format;

/// How the file is read.
#[derive(Args)]
pub(crate) struct FormatOptions {
    /// The system that wrote the file.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub(super) format: Format,
    /// With --format csv: the column of a member, such as username=login. May be given several times. A member without
    /// it is taken from the column with its name.
    #[arg(long = "column", value_name = "MEMBER=COLUMN")]
    pub(super) columns: Vec<Column>,
    /// With --format firebase: a file with the hash parameters as the Firebase console shows them, or `-` for standard
    /// input.
    #[arg(long, value_name = "FILE")]
    pub(super) hash_config: Option<PathBuf>,
    /// Take every e-mail address as verified, so that users can log in with it. Right if the other system let users log
    /// in only after they had proved that the address is theirs.
    #[arg(long)]
    pub(super) assume_emails_verified: bool,
}

impl FormatOptions {
    /// What the numbers of the records count: `line` or `record`.
    pub(super) fn unit(&self) -> &'static str {
        self.format.unit()
    }

    /// The name that the other system has for a member of an imported user.
    pub(super) fn source_name<'a>(&'a self, member: &'a str) -> &'a str {
        self.format.source_name(member, &self.columns)
    }
}
