//! The questions of `init`. Each answer is validated when it is given.

use std::io::{BufRead, Write};

use counterfoil::operator::advice::{Answers, ClientKind, Domains, LogoutDelay, Verifiers};
use counterfoil::{IssuerUrl, IssuerUrlError};

use crate::commands::init::prompt::Prompt;
use crate::configuration::builder::SettingsBuilder;
use crate::configuration::setting::Form;
use crate::configuration::table;
use crate::error::CliError;

/// Asks every question.
///
/// # Errors
///
/// If the input ends before the last answer; usage.
pub(super) fn ask<R: BufRead, W: Write>(prompt: &mut Prompt<R, W>) -> Result<Answers, CliError> {
    let issuer = prompt.ask(
        "URL at which clients reach the server (https://auth.example, or http://127.0.0.1:3000 on this machine)",
        parse_issuer,
    )?;
    let clients = ask_clients(prompt)?;
    let has_pages = clients.iter().any(|client| matches!(client, ClientKind::Pages | ClientKind::Spa));
    let domains = if has_pages { ask_domains(prompt)? } else { Domains::One };
    let trusted_origins = if has_pages { ask_origins(prompt, domains)? } else { Vec::new() };
    let logout = match prompt.confirm("Must a logout take effect everywhere immediately?", true)? {
        true => LogoutDelay::Immediate,
        false => LogoutDelay::Delayed,
    };
    let verifiers = ask_verifiers(prompt)?;
    let is_open = prompt.confirm("May anyone register?", false)?;
    Ok(Answers {
        issuer,
        clients,
        domains,
        logout,
        verifiers,
        registration: if is_open { "open" } else { "closed" }.to_owned(),
        listen: None,
        data_dir: None,
        tls: None,
        trusted_proxies: Vec::new(),
        trusted_origins,
    })
}

fn parse_issuer(text: &str) -> Result<String, String> {
    let valid: Result<IssuerUrl, IssuerUrlError> = text.parse();
    match valid {
        Ok(issuer) => Ok(issuer.as_str().to_owned()),
        Err(error) => Err(format!("{error}: {}", error.hint())),
    }
}

fn ask_clients<R: BufRead, W: Write>(prompt: &mut Prompt<R, W>) -> Result<Vec<ClientKind>, CliError> {
    let names = [
        "pages that a server renders (a traditional web application)",
        "single-page applications",
        "mobile and desktop applications",
        "services without a user (APIs, microservices)",
    ];
    let chosen = prompt.choose_some("What logs in?", &names)?;
    Ok(ClientKind::ALL
        .into_iter()
        .enumerate()
        .filter(|(at, _)| chosen.contains(at))
        .map(|(_, kind)| kind)
        .collect())
}

fn ask_domains<R: BufRead, W: Write>(prompt: &mut Prompt<R, W>) -> Result<Domains, CliError> {
    let places = ["on the domain of that URL and its subdomains", "on other domains as well"];
    let chosen = prompt.choose("Where are the pages?", &places)?;
    Ok(if chosen == 0 { Domains::One } else { Domains::Many })
}

/// Asks for the origins of pages that are not served at the URL of the issuer.
fn ask_origins<R: BufRead, W: Write>(
    prompt: &mut Prompt<R, W>,
    domains: Domains,
) -> Result<Vec<String>, CliError> {
    let example = "like https://app.example, separated by commas";
    let question = match domains {
        Domains::One => {
            format!("Origins of pages at another host or port than that URL, {example}; empty for none")
        }
        Domains::Many => format!("Origins of the pages on other domains, {example}"),
    };
    prompt.ask(&question, |answer| {
        let origins = Form::List.split_values(answer);
        if origins.is_empty() && domains == Domains::Many {
            return Err(
                "browsers let pages of other domains log in only if their origins are listed".to_owned()
            );
        }
        validate_origins(&origins).map(|()| origins)
    })
}

/// Validates origins as the configuration does.
fn validate_origins(origins: &[String]) -> Result<(), String> {
    let setting = table::setting("trusted_origins").expect("it is in the table");
    (setting.apply)(&mut SettingsBuilder::default(), origins).map_err(|invalid| invalid.message)
}

fn ask_verifiers<R: BufRead, W: Write>(prompt: &mut Prompt<R, W>) -> Result<Verifiers, CliError> {
    let names = ["none", "services of our own (microservices)", "services of third parties"];
    let question = "What other services verify tokens without a request to this server?";
    Ok(match prompt.choose(question, &names)? {
        0 => Verifiers::None,
        1 => Verifiers::OwnServices,
        _ => Verifiers::ThirdParties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(input: &str) -> (Result<Answers, CliError>, String) {
        let mut prompt = Prompt { input: input.as_bytes(), output: Vec::new() };
        let answers = ask(&mut prompt);
        (answers, String::from_utf8(prompt.output).unwrap())
    }

    #[test]
    fn a_wrong_answer_is_asked_again_and_the_others_are_kept() {
        let input = "auth.example\nhttp://auth.example\nhttps://auth.example/\nhttps://auth.example\n5\n\n1 2\n3\n2\n\n\
                     https://a.example/x\nhttps://a.example, https://b.example\nmaybe\nn\n2\ny\n";

        let (answers, asked) = asked(input);

        let answers = answers.unwrap();
        assert_eq!(answers.issuer, "https://auth.example");
        assert_eq!(answers.clients, [ClientKind::Pages, ClientKind::Spa]);
        assert_eq!((answers.domains, answers.logout), (Domains::Many, LogoutDelay::Delayed));
        assert_eq!(answers.trusted_origins, ["https://a.example", "https://b.example"]);
        assert_eq!((answers.verifiers, answers.registration.as_str()), (Verifiers::OwnServices, "open"));
        assert_eq!(asked.matches("try again").count(), 9, "{asked}");
    }

    #[test]
    fn the_end_of_the_input_is_an_error_that_names_the_question() {
        for input in ["", "https://auth.example\n", "https://auth.example\n1\n1\n\ny\n1\n"] {
            let (answers, _) = asked(input);

            let (message, hint) = answers.unwrap_err().into_parts();
            assert!(message.contains("the input ended at the question"), "{message}");
            assert!(hint.unwrap().contains("--answers"));
        }
    }
}
