//! `/lab/choose`: which mode suits which client. The answers are in the address of the page.

use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;
use counterfoil::operator::advice::{Answers, ClientKind, Domains, LogoutDelay, Verifiers};
use counterfoil_pages::view::lab::{Choice, ChoiceGroup, ChooseView};

use crate::site::advice_view::{advice_view, client_text, domains_text, logout_text, verifiers_text};
use crate::site::cost_table::cost_rows;
use crate::site::response::{page, problem};

/// The issuer in the commands, which the reader replaces.
const ISSUER: &str = "https://auth.example";

/// Shows the questions, and what follows from the answers in the query.
pub(super) async fn show(RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let Some(answers) = parse(&query) else { return unknown_answer() };
    page(&view(&answers, !query.is_empty()))
}

/// The page for an answer that the form does not have.
pub(super) fn unknown_answer() -> Response {
    let text = "The address has an answer that the form does not have. Choose again.";
    problem(StatusCode::UNPROCESSABLE_ENTITY, "There is no such answer", text, "/lab/choose")
}

fn view(answers: &Answers, is_sent: bool) -> ChooseView {
    ChooseView {
        groups: groups(answers),
        is_client_missing: is_sent && answers.clients.is_empty(),
        costs: cost_rows(),
        advice: (!answers.clients.is_empty()).then(|| advice_view(answers)),
    }
}

/// The answers of a query. Every one is a word, so no sign is encoded. Of two answers to one question the later counts, as
/// a form sends one.
///
/// The issuer is not in the address: an attacker could send a link to a page whose commands send a password elsewhere.
pub(super) fn parse(query: &str) -> Option<Answers> {
    let mut answers = Answers::new(ISSUER, &[]);
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "domains" => answers.domains = Domains::ALL.into_iter().find(|one| one.as_str() == value)?,
            "logout" => answers.logout = LogoutDelay::ALL.into_iter().find(|one| one.as_str() == value)?,
            "verifiers" => {
                answers.verifiers = Verifiers::ALL.into_iter().find(|one| one.as_str() == value)?;
            }
            _ => {
                let kind = ClientKind::ALL.into_iter().find(|kind| kind.as_str() == name);
                // Other names are not of this form.
                let Some(kind) = kind else { continue };
                if value != "on" {
                    return None;
                }
                if !answers.clients.contains(&kind) {
                    answers.clients.push(kind);
                }
            }
        }
    }
    Some(answers)
}

fn groups(answers: &Answers) -> Vec<ChoiceGroup> {
    let choice = |value: &str, text: &str, is_chosen| Choice {
        value: value.to_owned(),
        text: text.to_owned(),
        is_chosen,
    };
    let group = |name: &str, question: &str, choices: Vec<Choice>| ChoiceGroup {
        name: name.to_owned(),
        question: question.to_owned(),
        hint: hint(name).map(str::to_owned),
        is_multiple: name == "client",
        choices,
    };
    let clients =
        ClientKind::ALL.map(|one| choice(one.as_str(), client_text(one), answers.clients.contains(&one)));
    let domains = Domains::ALL.map(|one| choice(one.as_str(), domains_text(one), one == answers.domains));
    let logouts = LogoutDelay::ALL.map(|one| choice(one.as_str(), logout_text(one), one == answers.logout));
    let verifiers =
        Verifiers::ALL.map(|one| choice(one.as_str(), verifiers_text(one), one == answers.verifiers));
    vec![
        group("client", "What logs in?", clients.into()),
        group("domains", "Where are the pages, if there are some?", domains.into()),
        group("logout", "When must a logout take effect?", logouts.into()),
        group(
            "verifiers",
            "Which other services check logins themselves, without a request to this server?",
            verifiers.into(),
        ),
    ]
}

/// What a question means, if that is not plain.
fn hint(name: &str) -> Option<&'static str> {
    match name {
        "verifiers" => Some(
            "Such as microservices and APIs with a token library. None, if every request reaches one application, or a \
             proxy that asks this server.",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::advice_view::query_of;

    #[test]
    fn the_address_of_every_answer_is_parsed_to_the_same_answer() {
        for domains in Domains::ALL {
            for logout in LogoutDelay::ALL {
                for verifiers in Verifiers::ALL {
                    for clients in [&ClientKind::ALL[..], &[ClientKind::Spa]] {
                        let answers = Answers { domains, logout, verifiers, ..Answers::new(ISSUER, clients) };
                        assert_eq!(parse(&query_of(&answers)), Some(answers));
                    }
                }
            }
        }
    }

    #[test]
    fn an_unknown_answer_is_refused_and_an_unknown_name_is_ignored() {
        for query in ["spa=off", "domains=", "logout=%69mmediate", "verifiers=none%00"] {
            assert_eq!(parse(query), None, "{query}");
        }
        let none = Answers::new(ISSUER, &[]);
        for query in ["", "&&", "=", "x", "spa", "toaster=on", "issuer=https://attacker.example"] {
            assert_eq!(parse(query), Some(none.clone()), "{query}");
        }
        assert_eq!(parse("spa=on&spa=on").unwrap().clients, [ClientKind::Spa]);
    }

    #[test]
    fn a_form_without_a_client_says_what_is_missing() {
        let none = Answers::new(ISSUER, &[]);

        assert!(view(&none, true).is_client_missing && view(&none, true).advice.is_none());
        assert!(!view(&none, false).is_client_missing);
    }
}
