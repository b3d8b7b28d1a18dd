//! What would change a recommendation: each answer replaced alone.

use crate::operations::advice::answers::{Answers, ClientKind, Domains, LogoutDelay, Verifiers};
use crate::operations::advice::recommendation::{Recommendation, for_clients};

/// The one answer that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One more kind of client.
    Client(ClientKind),
    /// Where the pages are.
    Domains(Domains),
    /// How soon a logout takes effect.
    Logout(LogoutDelay),
    /// The other services that verify tokens.
    Verifiers(Verifiers),
}

/// Answers of which one differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The answer that differs.
    pub change: Change,
    /// The answers with it.
    pub answers: Answers,
    /// The recommendations that are then others, or new.
    pub changed: Vec<Recommendation>,
}

/// Every alternative to the answers, in the order of the questions.
#[must_use]
pub fn alternatives(answers: &Answers) -> Vec<Alternative> {
    let before = for_clients(answers);
    changes(answers)
        .into_iter()
        .map(|change| {
            let answers = with(answers, change);
            let changed = for_clients(&answers).into_iter().filter(|one| !before.contains(one)).collect();
            Alternative { change, answers, changed }
        })
        .collect()
}

fn changes(answers: &Answers) -> Vec<Change> {
    let clients = ClientKind::ALL.into_iter().filter(|kind| !answers.clients.contains(kind));
    // Without pages, the question is not asked.
    let domains = Domains::ALL.into_iter().filter(|one| answers.has_pages() && *one != answers.domains);
    let logouts = LogoutDelay::ALL.into_iter().filter(|one| *one != answers.logout);
    let verifiers = Verifiers::ALL.into_iter().filter(|one| *one != answers.verifiers);
    clients
        .map(Change::Client)
        .chain(domains.map(Change::Domains))
        .chain(logouts.map(Change::Logout))
        .chain(verifiers.map(Change::Verifiers))
        .collect()
}

fn with(answers: &Answers, change: Change) -> Answers {
    let mut answers = answers.clone();
    match change {
        Change::Client(kind) => answers.clients.push(kind),
        Change::Domains(domains) => answers.domains = domains,
        Change::Logout(logout) => answers.logout = logout,
        Change::Verifiers(verifiers) => answers.verifiers = verifiers,
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(answers: &Answers, change: Change) -> Vec<(ClientKind, &'static str)> {
        let alternatives = alternatives(answers);
        let found = alternatives.iter().find(|alternative| alternative.change == change);
        found.unwrap().changed.iter().map(|one| (one.client, one.mode)).collect()
    }

    #[test]
    fn each_answer_is_replaced_alone() {
        let spa = Answers::new("https://a.example", &[ClientKind::Spa]);

        assert_eq!(alternatives(&spa).len(), 3 + 1 + 1 + 2);
        assert_eq!(changed(&spa, Change::Domains(Domains::Many)), [(ClientKind::Spa, "hybrid")]);
        assert_eq!(changed(&spa, Change::Verifiers(Verifiers::OwnServices)), [(ClientKind::Spa, "hybrid")]);
        assert_eq!(changed(&spa, Change::Logout(LogoutDelay::Delayed)), []);
        assert_eq!(changed(&spa, Change::Client(ClientKind::Pages)), [(ClientKind::Pages, "session")]);
    }

    #[test]
    fn the_domain_of_clients_without_pages_changes_nothing_and_is_left_out() {
        let services = Answers::new("https://a.example", &[ClientKind::Services]);

        let is_about_domains = |alternative: &Alternative| matches!(alternative.change, Change::Domains(_));
        assert!(!alternatives(&services).iter().any(is_about_domains));
        assert_eq!(changed(&services, Change::Logout(LogoutDelay::Delayed)), [(ClientKind::Services, "jwt")]);
    }

    #[test]
    fn an_alternative_to_an_alternative_leads_back() {
        let pages = Answers::new("https://a.example", &[ClientKind::Pages]);
        let many = alternatives(&pages).into_iter().find(|one| one.change == Change::Domains(Domains::Many));

        let back = alternatives(&many.unwrap().answers);

        let back = back.into_iter().find(|one| one.change == Change::Domains(Domains::One)).unwrap();
        assert_eq!(back.answers, pages);
        assert_eq!(back.changed, for_clients(&pages));
    }
}
