//! Which mode is recommended for which kind of client, and why.

use serde::Serialize;

use crate::operations::advice::answers::{Answers, ClientKind, Domains, LogoutDelay, Verifiers};

/// What other services see of a logout. It is said in this one place: it changes with what verifiers follow.
const LOGOUT_AT_SERVICES: &str = "other services verify the token offline; those that follow the revocation feed (GET /v1/feed) reject it at once after a \
     logout, the others when it expires, at most 15 minutes later";

/// What pages on other domains need. It is said in this one place.
const PAGES_ON_OTHER_DOMAINS: &str = "browsers send no cookie of this server with requests of pages on other domains, so the page sends the access token \
     itself, which lives 15 minutes and is renewed with the refresh token; the origin of each page must be in \
     trusted_origins, else the browser keeps the response from it (CORS)";

/// The recommendation for one kind of client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recommendation {
    /// The kind of client.
    pub client: ClientKind,
    /// The `mode` of its login requests.
    pub mode: &'static str,
    /// The `transport` of its login requests.
    pub transport: &'static str,
    /// The reason.
    pub reason: &'static str,
}

/// A recommendation for each kind of client in the answers.
#[must_use]
pub fn for_clients(answers: &Answers) -> Vec<Recommendation> {
    let kinds = ClientKind::ALL.into_iter().filter(|kind| answers.clients.contains(kind));
    kinds.map(|kind| for_client(kind, answers)).collect()
}

fn for_client(client: ClientKind, answers: &Answers) -> Recommendation {
    let recommend = |mode, transport, reason| Recommendation { client, mode, transport, reason };
    match (client, answers.domains) {
        (ClientKind::Pages | ClientKind::Spa, Domains::Many) => {
            recommend("hybrid", "bearer", PAGES_ON_OTHER_DOMAINS)
        }
        (ClientKind::Pages, Domains::One) => recommend(
            "session",
            "cookie",
            "the browser sends the cookie with each request to this domain, and no script can read it; a logout takes \
             effect immediately",
        ),
        (ClientKind::Spa, Domains::One) => for_spa(answers, recommend),
        (ClientKind::Mobile, _) => recommend("hybrid", "bearer", reason_for_mobile(answers.verifiers)),
        (ClientKind::Services, _) => for_services(answers, recommend),
    }
}

fn reason_for_mobile(verifiers: Verifiers) -> &'static str {
    match verifiers {
        Verifiers::None => {
            "users stay logged in for long; the token in every request is short-lived, and reuse of a stolen refresh \
             token is detected"
        }
        Verifiers::OwnServices | Verifiers::ThirdParties => {
            "users stay logged in for long, and other services verify the token in every request offline; after a logout \
             those that follow the revocation feed (GET /v1/feed) reject it at once, the others when it expires, at most \
             15 minutes later; reuse of a stolen refresh token is detected"
        }
    }
}

fn for_spa(
    answers: &Answers,
    recommend: impl Fn(&'static str, &'static str, &'static str) -> Recommendation,
) -> Recommendation {
    match answers.verifiers {
        Verifiers::None => recommend(
            "session",
            "cookie",
            "pages and API share one domain, so a cookie that scripts cannot read is enough: a script that an attacker \
             injects cannot steal it; a logout takes effect immediately",
        ),
        Verifiers::OwnServices | Verifiers::ThirdParties => recommend(
            "hybrid",
            "bearer",
            "the page calls services that verify the token offline; it lives 15 minutes and is renewed with the refresh \
             token, which only this server accepts",
        ),
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
            "no other service verifies it, so a token that can be verified offline has no advantage; a logout takes \
             effect immediately",
        ),
        (Verifiers::OwnServices | Verifiers::ThirdParties, LogoutDelay::Immediate) => {
            recommend("hybrid", "bearer", LOGOUT_AT_SERVICES)
        }
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
        Answers { domains, logout, verifiers, ..Answers::new("https://a.example", &ClientKind::ALL) }
    }

    fn modes(answers: &Answers) -> Vec<&'static str> {
        for_clients(answers).iter().map(|one| one.mode).collect()
    }

    #[test]
    fn each_kind_of_client_gets_a_suitable_mode() {
        use Domains::{Many, One};
        use LogoutDelay::{Delayed, Immediate};
        use Verifiers::{OwnServices, ThirdParties};

        let given = |domains, logout, verifiers| modes(&answers(domains, logout, verifiers));
        assert_eq!(given(One, Immediate, Verifiers::None), ["session", "session", "hybrid", "session"]);
        assert_eq!(given(One, Immediate, OwnServices), ["session", "hybrid", "hybrid", "hybrid"]);
        assert_eq!(given(Many, Immediate, ThirdParties), ["hybrid", "hybrid", "hybrid", "hybrid"]);
        assert_eq!(given(Many, Delayed, Verifiers::None), ["hybrid", "hybrid", "hybrid", "jwt"]);
    }
}
