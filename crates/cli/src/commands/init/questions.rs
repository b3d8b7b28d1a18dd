//! Asks on the terminal. What is asked, and in which order, is what one has to decide anyway.

use dialoguer::{Confirm, Input, MultiSelect, Select};

use crate::commands::init::answers::{Answers, Domains, Kind, Logout, Verifiers};
use crate::fault::Fault;

/// Asks everything.
///
/// # Errors
///
/// If the terminal goes away.
pub(crate) fn ask() -> Result<Answers, Fault> {
    asked().map_err(|error| Fault::because("the questions cannot be asked", &error))
}

fn asked() -> dialoguer::Result<Answers> {
    let issuer = Input::new()
        .with_prompt("Under which URL will clients reach it (https://…, without a slash at its end)?")
        .interact_text()?;
    let clients = kinds()?;
    let domains = match clients.contains(&Kind::Pages)
        && choose("Where are the pages?", &["all below one domain", "on several domains"])? == 1
    {
        true => Domains::Many,
        false => Domains::One,
    };
    let at_once =
        Confirm::new().with_prompt("Must a logout act at once, everywhere?").default(true).interact()?;
    let verifiers = ["nobody", "services of our own", "services of third parties"];
    let verifiers = match choose("Who else judges tokens, without asking this server?", &verifiers)? {
        0 => Verifiers::Nobody,
        1 => Verifiers::OwnServices,
        _ => Verifiers::ThirdParties,
    };
    let open = Confirm::new().with_prompt("May strangers register?").default(false).interact()?;
    Ok(Answers {
        issuer,
        clients,
        domains,
        logout: if at_once { Logout::AtOnce } else { Logout::MayLag },
        verifiers,
        registration: if open { "open" } else { "closed" }.to_owned(),
        listen: None,
        data_dir: None,
        tls_certificate: None,
        tls_key: None,
        trusted_proxies: Vec::new(),
        trusted_origins: Vec::new(),
    })
}

/// At least one kind of client: without any there is nothing to recommend.
fn kinds() -> dialoguer::Result<Vec<Kind>> {
    let names = ["pages in a browser", "mobile and desktop applications", "services without a person"];
    loop {
        let prompt = "What logs in? (space chooses, enter ends)";
        let chosen = MultiSelect::new().with_prompt(prompt).items(names).interact()?;
        if !chosen.is_empty() {
            return Ok(chosen.into_iter().filter_map(|at| Kind::ALL.get(at).copied()).collect());
        }
    }
}

fn choose(prompt: &str, items: &[&str]) -> dialoguer::Result<usize> {
    Select::new().with_prompt(prompt).items(items).default(0).interact()
}
