//! `counterfoil key`: lists, rotates, imports and revokes signing keys, and replaces the master key.

use std::path::{self, Path, PathBuf};

use clap::{Args, Subcommand};
use counterfoil::operator::{
    self, KeyFormat, KeyListResponse, KeyRotationRequest, KeySelector, KeyView, RekeyResponse,
    RevocationRequest, RevocationResponse, RotationResponse, Wait,
};
use counterfoil_jose::{Secret, base64url};

use crate::admin_client::execute;
use crate::commands::pagination::PageOptions;
use crate::commands::revoke::consequences_for_key;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::confirmation::Confirmation;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::input_file::{read_bytes, read_text};
use crate::output::{print_json, print_line};
use crate::standard_input::is_standard_input;
use crate::table::{Column, rfc3339, time};

/// The most bytes of a key on standard input; the admin socket accepts 64 KiB.
const MAX_KEY_LENGTH: u64 = 32 * 1024;

/// The commands for keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists current and former signing keys.
    List(PageOptions),
    /// Activates the next signing key once all cached key sets have expired. Tokens of the previous key stay valid.
    Rotate(RotateOptions),
    /// Imports a signing key or a shared secret as the next one. It is published now and activated by the next rotation. It replaces the
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
    #[command(flatten)]
    source: KeySource,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The key to import.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct KeySource {
    /// The file of the key: unencrypted PKCS#8 as PEM, or a private JWK; `-` for standard input. Only its owner may be able
    /// to read it.
    file: Option<PathBuf>,
    /// The file of a shared secret as its bytes are, like the `JWT_SECRET` of an application that uses HS256; `-` for
    /// standard input. One trailing newline is removed. Only its owner may be able to read it.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// The options of `key rekey`.
#[derive(Args)]
pub(crate) struct RekeyOptions {
    /// The file of the new master key: 32 bytes as base64url, readable only by its owner; `-` for standard input
    /// [default: a generated key].
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
    confirmation: Confirmation,
    /// Print JSON.
    #[arg(long)]
    json: bool,
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
        Command::Revoke(options) => revoke(configuration, options).await,
    }
}

async fn revoke(configuration: &Configuration, options: RevokeOptions) -> Result<(), CliError> {
    let RevokeOptions { kid, confirmation, json, .. } = options;
    if !confirmation.is_given() {
        confirmation.ask(&consequences_for_key(configuration, &kid).await?, "Revoke this key?")?;
    }
    let request = RevocationRequest { subject: format!("key:{kid}"), reason: None, wait: Wait::None };
    let answer: RevocationResponse = execute(configuration, operator::Command::Revoke(request)).await?;
    if json { print_json(&answer) } else { print_line(&format!("revoked {kid}")) }
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
    let ImportOptions { source: KeySource { file, secret_file }, json, .. } = options;
    let is_secret = secret_file.is_some();
    let format = if is_secret { KeyFormat::SharedSecret } else { KeyFormat::PrivateKey };
    let file = file.or(secret_file).unwrap_or_default();
    let command = match is_standard_input(&file) {
        true => {
            let bytes = read_bytes(&file, MAX_KEY_LENGTH)?;
            let key = Secret::new(base64url::encode(bytes.expose()));
            operator::Command::KeyImportBytes { key, format }
        }
        false => operator::Command::KeyImport { file: absolute(&file)?, format },
    };
    let key: KeyView = execute(configuration, command).await?;
    if is_secret {
        eprintln!(
            "warning: every service that verifies tokens with this secret can also sign them, and revocation at one service \
             is not seen by the others"
        );
    }
    if json {
        return print_json(&key);
    }
    let id = &key.id;
    print_line(&match key.activated_at {
        Some(at) => format!("{id} is the next key, and signs from {} on", rfc3339(at)),
        None => format!("{id} is the next key, and signs after `key rotate`"),
    })?;
    if !is_standard_input(&file) {
        eprintln!(
            "hint: delete {}; with it anyone can sign tokens",
            escape_controls(&file.to_string_lossy())
        );
    }
    Ok(())
}

/// The absolute path: the server that reads the file has another working directory.
fn absolute(file: &Path) -> Result<PathBuf, CliError> {
    path::absolute(file).map_err(|error| CliError::from_path("find", file, &error))
}

async fn rekey(configuration: &Configuration, options: RekeyOptions) -> Result<(), CliError> {
    let command = match options.new_master_key_file {
        Some(file) if is_standard_input(&file) => {
            operator::Command::KeyRekeyText { key: read_text(&file, MAX_KEY_LENGTH)? }
        }
        Some(file) => operator::Command::KeyRekey { file: Some(absolute(&file)?) },
        None => operator::Command::KeyRekey { file: None },
    };
    let answer: RekeyResponse = execute(configuration, command).await?;
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
