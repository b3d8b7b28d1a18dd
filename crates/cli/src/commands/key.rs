//! `counterfoil key`: lists, rotates, imports and revokes signing keys, and replaces the master key.

use std::path::{self, PathBuf};

use clap::{Args, Subcommand};
use counterfoil::operator::{
    self, KeyListResponse, KeyRotationRequest, KeySelector, KeyView, RekeyResponse, RevocationRequest,
    RevocationResponse, RotationResponse, Wait,
};

use crate::admin_client::execute;
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};
use crate::table::{Column, rfc3339, time};

/// The commands for keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists current and former signing keys.
    List(PageOptions),
    /// Activates the next signing key once all cached key sets have expired. Tokens of the previous key stay valid.
    Rotate(RotateOptions),
    /// Imports a signing key as the next one. It is published now and activated by the next rotation. It replaces the
    /// previous next key, which has not signed anything.
    Import(ImportOptions),
    /// Encrypts all keys of the store with another master key, with or without a running server. No user is logged
    /// out.
    Rekey(RekeyOptions),
    /// Revokes a key: all its tokens become invalid. If it is the current key, the next key is activated now.
    Revoke(RevokeOptions),
}

/// The options of `key rotate`.
#[derive(Args)]
pub(crate) struct RotateOptions {
    /// Activate the next key now, although verifiers may have cached key sets without it. A verifier that does not
    /// fetch the key set for an unknown key rejects valid tokens until its cache expires.
    #[arg(long)]
    now: bool,
    /// Rotate the key that authenticates refresh tokens, instead of the signing key. No user is logged out.
    #[arg(long, conflicts_with = "now")]
    refresh_token_key: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `key import`.
#[derive(Args)]
pub(crate) struct ImportOptions {
    /// The file of the key: unencrypted PKCS#8 as PEM, or a private JWK. Only its owner may be able to read it.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `key rekey`.
#[derive(Args)]
pub(crate) struct RekeyOptions {
    /// The file of the new master key: 32 bytes as base64url, readable only by its owner [default: a generated key].
    #[arg(long, value_name = "FILE")]
    new_master_key_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `key revoke`.
#[derive(Args)]
pub(crate) struct RevokeOptions {
    // One in 64 ids begins with a hyphen.
    /// The id of the key (`kid`), or `current` or `next`.
    #[arg(allow_hyphen_values = true)]
    kid: String,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::List(page) => list(configuration, page).await,
        Command::Rotate(options) => rotate(configuration, options).await,
        Command::Import(options) => import(configuration, options).await,
        Command::Rekey(options) => rekey(configuration, options).await,
        Command::Revoke(RevokeOptions { kid, .. }) => {
            let subject = format!("key:{kid}");
            let request = RevocationRequest { subject, reason: None, wait: Wait::None };
            let _: RevocationResponse = execute(configuration, operator::Command::Revoke(request)).await?;
            print_line(&format!("revoked {kid}"))
        }
    }
}

async fn rotate(configuration: &Configuration, options: RotateOptions) -> Result<(), CliError> {
    let RotateOptions { now, refresh_token_key, json, .. } = options;
    let purpose = if refresh_token_key { KeySelector::RefreshToken } else { KeySelector::Signing };
    let command = operator::Command::KeyRotate(KeyRotationRequest { now, purpose });
    let rotation: RotationResponse = execute(configuration, command).await?;
    if json {
        return print_json(&rotation);
    }
    let verb = if refresh_token_key { "authenticates refresh tokens" } else { "signs" };
    let RotationResponse { id, state, activated_at, .. } = &rotation;
    print_line(&match state.as_str() {
        "current" => format!("{id} {verb} from now on"),
        _ => format!("{id} {verb} from {} on", rfc3339(*activated_at)),
    })
}

async fn import(configuration: &Configuration, options: ImportOptions) -> Result<(), CliError> {
    // The server that reads the file has another working directory.
    let file = path::absolute(&options.file)
        .map_err(|error| CliError::with_cause("the path of the key file is invalid", &error))?;
    let file_name = file.display().to_string();
    let key: KeyView = execute(configuration, operator::Command::KeyImport { file }).await?;
    if options.json {
        return print_json(&key);
    }
    let id = &key.id;
    print_line(&match key.activated_at {
        Some(at) => format!("{id} is the next key, and signs from {} on", rfc3339(at)),
        None => format!("{id} is the next key, and signs after `key rotate`"),
    })?;
    eprintln!("hint: delete {}; with it anyone can sign tokens", escape_controls(&file_name));
    Ok(())
}

async fn rekey(configuration: &Configuration, options: RekeyOptions) -> Result<(), CliError> {
    // The server that reads the file has another working directory.
    let file = options.new_master_key_file.map(path::absolute).transpose();
    let file =
        file.map_err(|error| CliError::with_cause("the path of the new master key file is invalid", &error))?;
    let answer: RekeyResponse = execute(configuration, operator::Command::KeyRekey { file }).await?;
    if options.json {
        return print_json(&answer);
    }
    print_line("all keys are encrypted with the new master key")?;
    if let Some(old_file) = &answer.old_file {
        let old_file = escape_controls(&old_file.to_string_lossy());
        eprintln!("hint: keep {old_file}; earlier backups need the old master key");
    }
    if answer.environment {
        eprintln!("hint: set COUNTERFOIL_MASTER_KEY to the new key before the next start");
    }
    Ok(())
}

async fn list(configuration: &Configuration, page: PageOptions) -> Result<(), CliError> {
    let command = operator::Command::KeyList { after: page.after.clone(), limit: Some(page.limit) };
    let answer: KeyListResponse = execute(configuration, command).await?;
    let signing = answer.keys.iter().map(|key| ("signing", key));
    let keys: Vec<_> =
        signing.chain(answer.refresh_token_keys.iter().map(|key| ("refresh token", key))).collect();
    let columns = [
        Column::from("id"),
        Column::from("purpose"),
        Column::from("algorithm"),
        Column::from("state"),
        Column::from("created").optional(3),
        Column::from("activated"),
        Column::from("retired").optional(1),
        Column::from("removed").optional(2),
    ];
    page.print_records(&answer, ("keys", &keys[..]), answer.next.as_deref(), columns, |(purpose, key)| {
        let [activated, retired, removed] = [key.activated_at, key.retired_at, key.removed_at].map(time);
        [
            key.id.clone(),
            (*purpose).to_owned(),
            key.algorithm.clone(),
            key.state.clone(),
            rfc3339(key.created_at),
            activated,
            retired,
            removed,
        ]
    })
}
