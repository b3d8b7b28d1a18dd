//! The options of `counterfoil user import`.

use std::path::PathBuf;

use clap::Args;

use crate::argument_value::whole_number_from;
use crate::commands::user_import::format_options::FormatOptions;
use crate::configuration::flags::StoreOptions;

/// The options of `user import`.
#[derive(Args)]
pub(crate) struct Options {
    /// The export of the other system; `-` reads standard input. Without --format one JSON object per line:
    /// {username, external_id?, email?, email_verified?, password_hash?, password_change_required?,
    /// roles?, created_at?, disabled?}.
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) format: FormatOptions,
    /// Import the valid users although other records of the file are invalid.
    #[arg(long)]
    pub(super) skip_invalid: bool,
    /// Only report the users that would be imported.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How many invalid records are reported in detail.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole_number_from(0_usize))]
    pub(super) max_errors: usize,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}
