//! Asks the questions of `init` on the terminal.

use dialoguer::{Confirm, Input, MultiSelect, Select};

use crate::commands::init::answers::{Answers, ClientKind, Domains, LogoutDelay, Verifiers};
use crate::error::CliError;

/// Asks every question.
///
/// # Errors
///
/// If the terminal is closed.
pub(crate) fn ask() -> Result<Answers, CliError> {
    ask_all().map_err(|error| CliError::with_cause("the questions cannot be asked", &error))
}

fn ask_all() -> dialoguer::Result<Answers> {
    let issuer = Input::new()
        .with_prompt("URL at which clients reach the server (https://…, without a trailing slash)")
        .interact_text()?;
    let clients = ask_clients()?;
    let domains = match clients.contains(&ClientKind::Pages)
        && select("Where are the pages?", &["on one domain and its subdomains", "on several domains"])? == 1
    {
        true => Domains::Many,
        false => Domains::One,
    };
    let is_immediate = Confirm::new()
        .with_prompt("Must a logout take effect everywhere immediately?")
        .default(true)
        .interact()?;
    let verifiers = ["none", "services of our own", "services of third parties"];
    let verifiers =
        match select("What other services verify tokens without a request to this server?", &verifiers)? {
            0 => Verifiers::None,
            1 => Verifiers::OwnServices,
            _ => Verifiers::ThirdParties,
        };
    let is_open = Confirm::new().with_prompt("May anyone register?").default(false).interact()?;
    Ok(Answers {
        issuer,
        clients,
        domains,
        logout: if is_immediate { LogoutDelay::Immediate } else { LogoutDelay::Delayed },
        verifiers,
        registration: if is_open { "open" } else { "closed" }.to_owned(),
        listen: None,
        data_dir: None,
        tls: None,
        trusted_proxies: Vec::new(),
        trusted_origins: Vec::new(),
    })
}

/// Asks for at least one kind of client: without one there is nothing to recommend.
fn ask_clients() -> dialoguer::Result<Vec<ClientKind>> {
    let names = ["pages in a browser", "mobile and desktop applications", "services without a user"];
    loop {
        let prompt = "What logs in? (space selects, enter confirms)";
        let chosen = MultiSelect::new().with_prompt(prompt).items(names).interact()?;
        if !chosen.is_empty() {
            return Ok(chosen.into_iter().filter_map(|at| ClientKind::ALL.get(at).copied()).collect());
        }
    }
}

fn select(prompt: &str, items: &[&str]) -> dialoguer::Result<usize> {
    Select::new().with_prompt(prompt).items(items).default(0).interact()
}
