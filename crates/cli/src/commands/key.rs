//! `counterfoil key`: the keys that sign access tokens.

use std::path::{self, PathBuf};

use clap::{Args, Subcommand};
use counterfoil::operator::{self, KeyRotationRequest, KeySelector, RevocationRequest, Wait};

use crate::commands::page::show_all;
use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::printable::printable;
use crate::show::{self, cell, time};

/// What to do with signing keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the signing keys that there are or were.
    List(List),
    /// Has the next key sign, as soon as everybody who keeps the public keys must have seen it. What the one before
    /// it signed is still good.
    Rotate(Rotate),
    /// Takes in a signing key that was made elsewhere, as the next one: it is published now, and signs when its turn
    /// comes. The next key that there was goes; it has signed nothing.
    Import(Import),
    /// Seals every key of the store under another master key, with or without a server. Nobody is logged out.
    Rekey(Rekey),
    /// Revokes a key: nothing that it ever signed is good. If it signs now, the next one does from here on.
    Revoke(Revoke),
}

/// How to list.
#[derive(Args)]
pub(crate) struct List {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// When to rotate.
#[derive(Args)]
pub(crate) struct Rotate {
    /// At once, known or not: a service that keeps the public keys has to fetch them again when it sees the new
    /// one, or refuses good tokens for as long as it keeps them.
    #[arg(long)]
    now: bool,
    /// The pepper that refresh tokens are made with, in place of the key that signs. Nobody is logged out.
    #[arg(long, conflicts_with = "now")]
    pepper: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Which key comes in.
#[derive(Args)]
pub(crate) struct Import {
    /// PKCS#8 as PEM, not encrypted, or a private JWK; readable for its owner alone.
    file: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// By which master key.
#[derive(Args)]
pub(crate) struct Rekey {
    /// The file of the new one, 32 bytes as base64url, readable for its owner alone. Without it one is drawn.
    #[arg(long, value_name = "FILE")]
    new_master_key_file: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Which key.
#[derive(Args)]
pub(crate) struct Revoke {
    /// The key's id (`kid`). One in sixty-four ids begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), Fault> {
    match command {
        Command::List(List { json }) => list(common, json).await,
        Command::Rotate(options) => rotate(common, options).await,
        Command::Import(options) => import(common, options).await,
        Command::Rekey(options) => rekey(common, options).await,
        Command::Revoke(Revoke { kid }) => {
            let subject = format!("key:{kid}");
            let form = RevocationRequest { subject, reason: None, wait: Wait::None };
            administer(common, operator::Command::Revoke(form)).await?;
            show::say(&format!("revoked {kid}"))
        }
    }
}

async fn rotate(common: &Configuration, Rotate { now, pepper, json }: Rotate) -> Result<(), Fault> {
    let purpose = if pepper { KeySelector::RefreshToken } else { KeySelector::Signing };
    let answer =
        administer(common, operator::Command::KeyRotate(KeyRotationRequest { now, purpose })).await?;
    if json {
        return show::json(&answer);
    }
    let (id, verb) = (cell(&answer, "id"), if pepper { "makes refresh tokens" } else { "signs" });
    match answer["state"].as_str() {
        Some("current") => show::say(&format!("{id} {verb} from now on")),
        _ => show::say(&format!("{id} {verb} from {} on", time(&answer, "activated_at"))),
    }
}

async fn import(common: &Configuration, Import { file, json }: Import) -> Result<(), Fault> {
    // As below: it is the server that reads it.
    let file = path::absolute(&file).map_err(|error| Fault::because("the key file has no path", &error))?;
    let shown = file.display().to_string();
    let answer = administer(common, operator::Command::KeyImport { file }).await?;
    if json {
        return show::json(&answer);
    }
    let id = cell(&answer, "id");
    show::say(&match answer["activated_at"].as_u64() {
        Some(_) => format!("{id} is the next key, and signs from {} on", time(&answer, "activated_at")),
        None => format!("{id} is the next key, and signs when `key rotate` asks for it"),
    })?;
    eprintln!("hint: whoever reads {} signs in your name; delete it", printable(&shown));
    Ok(())
}

async fn rekey(common: &Configuration, options: Rekey) -> Result<(), Fault> {
    // The server that reads it has another working directory.
    let file = options.new_master_key_file.map(path::absolute).transpose();
    let file = file.map_err(|error| Fault::because("the new master key has no path", &error))?;
    let answer = administer(common, operator::Command::KeyRekey { file }).await?;
    if options.json {
        return show::json(&answer);
    }
    show::say("every key is sealed under the new master key")?;
    if let Some(old) = answer["old_file"].as_str() {
        eprintln!("hint: the old one is in {}; backups made so far need it", printable(old));
    }
    if answer["environment"] == true {
        eprintln!("hint: give the new one in COUNTERFOIL_MASTER_KEY before the next start");
    }
    Ok(())
}

async fn list(common: &Configuration, is_json: bool) -> Result<(), Fault> {
    let answer = administer(common, operator::Command::KeyList {}).await?;
    let header = ["id", "algorithm", "state", "made", "signs from", "retired", "leaves"];
    show_all(&answer, "keys", is_json, header, |key| {
        let [made, from, retired, leaves] =
            ["created_at", "activated_at", "retired_at", "removed_at"].map(|name| time(key, name));
        [cell(key, "id"), cell(key, "algorithm"), cell(key, "state"), made, from, retired, leaves]
    })
}
