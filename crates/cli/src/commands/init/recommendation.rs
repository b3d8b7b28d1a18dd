//! Which mode `init` recommends for which kind of client, and why.

use crate::commands::init::answers::{Answers, ClientKind, Domains, LogoutDelay, Verifiers};

/// The recommendation for one kind of client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recommendation {
    /// The kind of client.
    pub(crate) client: ClientKind,
    /// The `mode` of its login requests.
    pub(crate) mode: &'static str,
    /// The `transport` of its login requests.
    pub(crate) transport: &'static str,
    /// The reason.
    pub(crate) reason: &'static str,
}

/// A recommendation for each kind of client in the answers.
pub(crate) fn for_clients(answers: &Answers) -> Vec<Recommendation> {
    let kinds = ClientKind::ALL.into_iter().filter(|kind| answers.clients.contains(kind));
    kinds.map(|kind| for_client(kind, answers)).collect()
}

fn for_client(client: ClientKind, answers: &Answers) -> Recommendation {
    let recommend = |mode, transport, reason| Recommendation { client, mode, transport, reason };
    match client {
        ClientKind::Pages => match answers.domains {
            Domains::One => recommend(
                "session",
                "cookie",
                "all pages of one domain share a cookie that scripts cannot read; a logout takes effect immediately",
            ),
            Domains::Many => recommend(
                "hybrid",
                "bearer",
                "a cookie is not sent to other domains; a short-lived access token can be, and the refresh token \
                 renews it. `trusted_origins` must have the origins of the pages, so that their browsers allow the \
                 requests",
            ),
        },
        ClientKind::Mobile => recommend(
            "hybrid",
            "bearer",
            "users stay logged in for long; the token in every request is short-lived, and reuse of a stolen refresh \
             token is detected",
        ),
        ClientKind::Services => for_services(answers, recommend),
    }
}

fn for_services(
    answers: &Answers,
    recommend: impl Fn(&'static str, &'static str, &'static str) -> Recommendation,
) -> Recommendation {
    match (answers.verifiers, answers.logout) {
        (Verifiers::None, LogoutDelay::Immediate) => recommend(
            "session",
            "bearer",
            "no other service verifies it, so a token that can be verified offline has no advantage",
        ),
        (Verifiers::OwnServices | Verifiers::ThirdParties, LogoutDelay::Immediate) => recommend(
            "hybrid",
            "bearer",
            "other services verify the token offline, so it lives 15 minutes and not an hour; where that is too \
             long, a service asks with GET /v1/me",
        ),
        (Verifiers::None | Verifiers::OwnServices | Verifiers::ThirdParties, LogoutDelay::Delayed) => {
            recommend(
                "jwt",
                "bearer",
                "every service with the public keys verifies it offline; a logout may take effect up to an hour later",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(domains: Domains, logout: LogoutDelay, verifiers: Verifiers) -> Answers {
        let text = "issuer = \"https://a.example\"\nclients = [\"services\", \"pages\", \"mobile\"]\n";
        Answers { domains, logout, verifiers, ..toml::from_str(text).unwrap() }
    }

    fn modes(answers: &Answers) -> Vec<&'static str> {
        for_clients(answers).iter().map(|one| one.mode).collect()
    }

    #[test]
    fn each_kind_of_client_gets_a_suitable_mode() {
        use Domains::{Many, One};
        use LogoutDelay::{Delayed, Immediate};
        use Verifiers::{OwnServices, ThirdParties};

        assert_eq!(modes(&answers(One, Immediate, Verifiers::None)), ["session", "hybrid", "session"]);
        assert_eq!(modes(&answers(One, Immediate, OwnServices)), ["session", "hybrid", "hybrid"]);
        assert_eq!(modes(&answers(Many, Immediate, ThirdParties)), ["hybrid", "hybrid", "hybrid"]);
        assert_eq!(modes(&answers(Many, Delayed, Verifiers::None)), ["hybrid", "hybrid", "jwt"]);
    }
}
