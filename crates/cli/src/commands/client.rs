//! `counterfoil client`: the applications that people log in through.

use clap::{Args, Subcommand, ValueEnum};
use counterfoil::operator::{self, ClientChangeRequest};
use serde_json::{Value, json};

use crate::commands::page::PageOptions;
use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show::{self, cell};

/// What to do with clients.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a client. What is not said is as with the client `default`.
    Add(One),
    /// Lists clients by id.
    List(PageOptions),
    /// Changes a client. Where it is disabled, all that was given through it is dead at once.
    Set(One),
}

/// A client, and what it is to be like.
#[derive(Args)]
pub(crate) struct One {
    /// Its `client_id`.
    id: String,
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    /// A mode that a login may have; may be given more than once.
    #[arg(long = "mode", value_name = "MODE")]
    modes: Vec<Mode>,
    /// An audience that its tokens may be for besides the issuer; may be given more than once. `any` lets it ask
    /// for all.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// A scope that it may ask for; may be given more than once. `any` lets it ask for all.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// How long something of it lives, in seconds: session_idle, session_absolute, jwt, access, refresh_idle or
    /// refresh_absolute; may be given more than once.
    #[arg(long = "lifetime", value_name = "NAME=SECONDS", value_parser = lifetime)]
    lifetimes: Vec<(String, u64)>,
    /// Whether it may be used.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// How a login is carried.
#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// An opaque token.
    Session,
    /// A JWT.
    Jwt,
    /// A short JWT, and a refresh token.
    Hybrid,
}

fn lifetime(text: &str) -> Result<(String, u64), String> {
    let (name, seconds) = text.split_once('=').ok_or("is to be NAME=SECONDS")?;
    let seconds = seconds.parse().map_err(|_| "the seconds are to be a number")?;
    Ok((name.to_owned(), seconds))
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), Fault> {
    match command {
        Command::Add(one) => {
            let (id, client) = (one.id.clone(), one.form()?);
            put(common, operator::Command::ClientAdd { id, client }, "added", one.json).await
        }
        Command::List(page) => list(common, page).await,
        Command::Set(one) => {
            let (id, client) = (one.id.clone(), one.form()?);
            put(common, operator::Command::ClientSet { id, client }, "changed", one.json).await
        }
    }
}

impl One {
    /// The form; names of lifetimes are judged by it.
    fn form(&self) -> Result<ClientChangeRequest, Fault> {
        let mut form = serde_json::Map::new();
        form.extend(self.name.iter().map(|name| ("name".to_owned(), json!(name))));
        form.extend(self.enabled.iter().map(|enabled| ("enabled".to_owned(), json!(enabled))));
        if !self.modes.is_empty() {
            let modes: Vec<_> = self.modes.iter().map(Mode::word).collect();
            form.insert("modes".to_owned(), json!(modes));
        }
        for (member, texts) in [("audiences", &self.audiences), ("scopes", &self.scopes)] {
            if !texts.is_empty() {
                let any = matches!(&texts[..], [one] if one == "any");
                form.insert(member.to_owned(), if any { Value::Null } else { json!(texts) });
            }
        }
        let lifetimes: serde_json::Map<_, _> =
            self.lifetimes.iter().map(|(name, seconds)| (name.clone(), json!(seconds))).collect();
        form.insert("lifetimes".to_owned(), Value::Object(lifetimes));
        serde_json::from_value(Value::Object(form)).map_err(|error| Fault::usage(error.to_string()))
    }
}

impl Mode {
    fn word(&self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "jwt",
            Self::Hybrid => "hybrid",
        }
    }
}

async fn put(
    common: &Configuration,
    command: operator::Command,
    done: &str,
    is_json: bool,
) -> Result<(), Fault> {
    let answer = administer(common, command).await?;
    if is_json {
        return show::json(&answer["client"]);
    }
    show::say(&format!("{done} {}", cell(&answer["client"], "id")))
}

async fn list(common: &Configuration, page: PageOptions) -> Result<(), Fault> {
    let command = operator::Command::ClientList { after: page.after.clone(), limit: Some(page.limit) };
    let answer = administer(common, command).await?;
    let header = ["id", "name", "modes", "audiences", "scopes", "enabled"];
    page.show(&answer, "clients", header, |client| {
        [
            cell(client, "id"),
            cell(client, "name"),
            cell(client, "modes"),
            cell(client, "audiences"),
            cell(client, "scopes"),
            cell(client, "enabled"),
        ]
    })
}
