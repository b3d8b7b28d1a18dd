//! `counterfoil client`: client applications, through which users log in.

use clap::{Args, Subcommand, ValueEnum};
use counterfoil::operator::{
    self, ClientChangeRequest, ClientResponse, ClientView, ListResponse, RevocationPreviewResponse,
};
use serde_json::{Value, json};

use crate::admin_client::execute;
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::confirmation::{Confirmation, count};
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::table::{Column, cell};

/// The commands for clients.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a client. Unset options are copied from the client `default`.
    Add(ClientOptions),
    /// Lists clients by id.
    List(PageOptions),
    /// Changes a client. Disabling it revokes all credentials issued through it, after a confirmation.
    Set(SetOptions),
}

/// The properties of a client.
#[derive(Args)]
pub(crate) struct ClientOptions {
    /// Its `client_id`.
    id: String,
    /// A display name.
    #[arg(long)]
    name: Option<String>,
    /// A mode that logins may use; may be given several times.
    #[arg(long = "mode", value_name = "MODE")]
    modes: Vec<Mode>,
    /// An audience that tokens may have in addition to the issuer; may be given several times. `any` allows every
    /// audience.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// A scope that may be requested; may be given several times. `any` allows every scope.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A lifetime in seconds: session_idle, session_absolute, jwt, access, refresh_idle or refresh_absolute; may be
    /// given several times.
    #[arg(long = "lifetime", value_name = "NAME=SECONDS", value_parser = parse_lifetime)]
    lifetimes: Vec<(String, u64)>,
    /// Whether the client may be used.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `client set`.
#[derive(Args)]
pub(crate) struct SetOptions {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// The mode of a login.
#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// An opaque session token.
    Session,
    /// A JWT.
    Jwt,
    /// A short-lived JWT and a refresh token.
    Hybrid,
}

fn parse_lifetime(text: &str) -> Result<(String, u64), String> {
    let (name, seconds) = text.split_once('=').ok_or("must be NAME=SECONDS")?;
    let seconds = seconds.parse().map_err(|_| "the seconds must be a whole number")?;
    Ok((name.to_owned(), seconds))
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add(options) => {
            let (id, client) = (options.id.clone(), options.request()?);
            save(configuration, operator::Command::ClientAdd { id, client }, "added", options.json).await
        }
        Command::List(page) => list(configuration, page).await,
        Command::Set(SetOptions { client: options, confirmation }) => {
            if options.enabled == Some(false) && !confirmation.is_given() {
                confirmation.ask(&consequences(configuration, &options.id).await?, "Disable this client?")?;
            }
            let (id, client) = (options.id.clone(), options.request()?);
            save(configuration, operator::Command::ClientSet { id, client }, "changed", options.json).await
        }
    }
}

impl ClientOptions {
    /// The request. Its type validates the names of lifetimes.
    fn request(&self) -> Result<ClientChangeRequest, CliError> {
        let mut request = serde_json::Map::new();
        request.extend(self.name.iter().map(|name| ("name".to_owned(), json!(name))));
        request.extend(self.enabled.iter().map(|enabled| ("enabled".to_owned(), json!(enabled))));
        if !self.modes.is_empty() {
            let modes: Vec<_> = self.modes.iter().map(Mode::as_str).collect();
            request.insert("modes".to_owned(), json!(modes));
        }
        for (member, values) in [("audiences", &self.audiences), ("scopes", &self.scopes)] {
            if !values.is_empty() {
                let is_any = matches!(&values[..], [value] if value == "any");
                request.insert(member.to_owned(), if is_any { Value::Null } else { json!(values) });
            }
        }
        let lifetimes: serde_json::Map<_, _> =
            self.lifetimes.iter().map(|(name, seconds)| (name.clone(), json!(seconds))).collect();
        request.insert("lifetimes".to_owned(), Value::Object(lifetimes));
        serde_json::from_value(Value::Object(request)).map_err(|error| CliError::usage(error.to_string()))
    }
}

impl Mode {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "jwt",
            Self::Hybrid => "hybrid",
        }
    }
}

/// What ends when the client is disabled.
async fn consequences(configuration: &Configuration, id: &str) -> Result<String, CliError> {
    let command = operator::Command::RevocationPreview { subject: format!("client:{id}") };
    let RevocationPreviewResponse { sessions, .. } = execute(configuration, command).await?;
    let sessions = count(sessions, "active session");
    Ok(format!(
        "the client {id} will be disabled, and everything issued through it will be revoked for good: {sessions} and all \
         tokens.\n\
         Enabling it again will not bring them back: the users must log in again."
    ))
}

async fn save(
    configuration: &Configuration,
    command: operator::Command,
    done: &str,
    is_json: bool,
) -> Result<(), CliError> {
    let ClientResponse { client, .. } = execute(configuration, command).await?;
    if is_json {
        return print_json(&client);
    }
    print_line(&format!("{done} {}", client.id))
}

async fn list(configuration: &Configuration, page: PageOptions) -> Result<(), CliError> {
    let command = operator::Command::ClientList { after: page.after.clone(), limit: Some(page.limit) };
    let list: ListResponse<ClientView> = execute(configuration, command).await?;
    let columns = [
        Column::from("id"),
        Column::cut("name"),
        Column::from("modes"),
        Column::cut("audiences"),
        Column::cut("scopes"),
        Column::from("enabled"),
    ];
    page.print(&list, columns, |client| {
        let modes: Vec<_> = client.modes.iter().map(|mode| mode.as_str()).collect();
        let words = |words: &Option<Vec<String>>| cell(words.as_ref().map(|words| words.join(" ")).as_ref());
        [
            client.id.clone(),
            client.name.clone(),
            modes.join(" "),
            words(&client.audiences),
            words(&client.scopes),
            client.enabled.to_string(),
        ]
    })
}
