//! The lines of guides that say when to use sessions and when to use JWTs, and whether answers decide them.

use crate::operations::advice::answers::{Answers, ClientKind, Domains, LogoutDelay, Verifiers};

/// A line of a guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuideLine {
    /// The situation.
    pub text: &'static str,
    /// Whether it is that of the answers; `None` if no answer decides it.
    pub applies: Option<bool>,
}

/// The situations in which guides use sessions.
#[must_use]
pub fn sessions_when(answers: &Answers) -> [GuideLine; 5] {
    [
        line("Building traditional web applications", Some(answers.clients.contains(&ClientKind::Pages))),
        line("Security is paramount", None),
        line("Need immediate session revocation", Some(answers.logout == LogoutDelay::Immediate)),
        line("Working with single domain", on_domains(answers, Domains::One)),
        line("Have centralized session management", Some(answers.verifiers == Verifiers::None)),
    ]
}

/// The situations in which guides use JWTs.
#[must_use]
pub fn jwt_when(answers: &Answers) -> [GuideLine; 5] {
    let is_api_client = |client: &ClientKind| matches!(client, ClientKind::Spa | ClientKind::Mobile);
    [
        line("Building APIs for mobile/SPA", Some(answers.clients.iter().any(is_api_client))),
        line("Need stateless authentication", Some(answers.verifiers != Verifiers::None)),
        line("Working with microservices", Some(answers.verifiers == Verifiers::OwnServices)),
        line("Cross-domain authentication required", on_domains(answers, Domains::Many)),
        line("Building distributed systems", None),
    ]
}

fn line(text: &'static str, applies: Option<bool>) -> GuideLine {
    GuideLine { text, applies }
}

/// Only pages in a browser have a domain.
fn on_domains(answers: &Answers, domains: Domains) -> Option<bool> {
    answers.has_pages().then_some(answers.domains == domains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applying(lines: [GuideLine; 5]) -> Vec<Option<bool>> {
        lines.map(|line| line.applies).to_vec()
    }

    #[test]
    fn a_traditional_web_application_is_a_case_for_sessions() {
        let answers = Answers::new("https://a.example", &[ClientKind::Pages]);

        assert_eq!(applying(sessions_when(&answers)), [Some(true), None, Some(true), Some(true), Some(true)]);
        assert_eq!(applying(jwt_when(&answers)), [Some(false), Some(false), Some(false), Some(false), None]);
    }

    #[test]
    fn microservices_on_several_domains_are_a_case_for_jwts() {
        let answers = Answers {
            domains: Domains::Many,
            logout: LogoutDelay::Delayed,
            verifiers: Verifiers::OwnServices,
            ..Answers::new("https://a.example", &[ClientKind::Spa])
        };

        assert_eq!(
            applying(sessions_when(&answers)),
            [Some(false), None, Some(false), Some(false), Some(false)]
        );
        assert_eq!(applying(jwt_when(&answers)), [Some(true), Some(true), Some(true), Some(true), None]);
    }

    #[test]
    fn the_domain_of_clients_without_pages_is_not_decided() {
        let answers = Answers::new("https://a.example", &[ClientKind::Mobile]);

        assert_eq!(sessions_when(&answers)[3].applies, None);
        assert_eq!(jwt_when(&answers)[3].applies, None);
    }
}
