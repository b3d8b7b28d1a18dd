//! The options of `counterfoil user import`.

use std::path::PathBuf;

use clap::Args;

use crate::configuration::flags::StoreOptions;

/// The options of `user import`.
#[derive(Args)]
pub(crate) struct Options {
    /// The file, or `-` for standard input. One JSON object per line: {username, external_id?, email?, email_verified?, password_hash?, roles?, created_at?, disabled?}.
    pub(super) file: PathBuf,
    /// Only report the users that would be imported.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How many invalid lines are reported in detail.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) max_errors: usize,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}
