//! Which mode for which client, and why.

use crate::commands::init::answers::{Answers, Domains, Kind, Logout, Verifiers};

/// What is recommended for one kind of client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recommended {
    /// For whom.
    pub(crate) kind: Kind,
    /// Which mode: what `mode` of a login is to be.
    pub(crate) mode: &'static str,
    /// How it is carried.
    pub(crate) carrier: &'static str,
    /// Why.
    pub(crate) reason: &'static str,
}

/// One recommendation for each kind that logs in, in the order of the kinds.
pub(crate) fn all(answers: &Answers) -> Vec<Recommended> {
    Kind::ALL
        .into_iter()
        .filter(|kind| answers.clients.contains(kind))
        .map(|kind| one(kind, answers))
        .collect()
}

fn one(kind: Kind, answers: &Answers) -> Recommended {
    let recommended = |mode, carrier, reason| Recommended { kind, mode, carrier, reason };
    match kind {
        Kind::Pages => match answers.domains {
            Domains::One => recommended(
                "session",
                "cookie",
                "one domain shares one cookie, which no script can read; a logout acts with its answer",
            ),
            Domains::Many => recommended(
                "hybrid",
                "body",
                "a cookie does not reach other domains; a short access token does, and the refresh token renews it",
            ),
        },
        Kind::Mobile => recommended(
            "hybrid",
            "body",
            "people stay logged in for long; what travels with every request is short-lived, and a stolen refresh \
             token shows itself",
        ),
        Kind::Services => match (answers.verifiers, answers.logout) {
            (Verifiers::Nobody, Logout::AtOnce) => recommended(
                "session",
                "body",
                "nobody else has to judge it, so nothing is gained by a token that others could judge alone",
            ),
            (Verifiers::OwnServices | Verifiers::ThirdParties, Logout::AtOnce) => recommended(
                "hybrid",
                "body",
                "others judge the token alone, so it lives 15 minutes and not an hour; ask POST /oauth/introspect \
                 where that is too long",
            ),
            (Verifiers::Nobody | Verifiers::OwnServices | Verifiers::ThirdParties, Logout::MayLag) => {
                recommended(
                    "jwt",
                    "body",
                    "whoever has the public keys judges it without asking anybody; a logout may lag by up to its hour",
                )
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(domains: Domains, logout: Logout, verifiers: Verifiers) -> Answers {
        let text = "issuer = \"https://a.example\"\nclients = [\"services\", \"pages\", \"mobile\"]\n";
        Answers { domains, logout, verifiers, ..toml::from_str(text).unwrap() }
    }

    fn modes(answers: &Answers) -> Vec<&'static str> {
        all(answers).iter().map(|one| one.mode).collect()
    }

    #[test]
    fn each_kind_of_client_gets_the_mode_that_suits_it() {
        use Domains::{Many, One};
        use Logout::{AtOnce, MayLag};
        use Verifiers::{Nobody, OwnServices, ThirdParties};

        assert_eq!(modes(&answers(One, AtOnce, Nobody)), ["session", "hybrid", "session"]);
        assert_eq!(modes(&answers(One, AtOnce, OwnServices)), ["session", "hybrid", "hybrid"]);
        assert_eq!(modes(&answers(Many, AtOnce, ThirdParties)), ["hybrid", "hybrid", "hybrid"]);
        assert_eq!(modes(&answers(Many, MayLag, Nobody)), ["hybrid", "hybrid", "jwt"]);
    }
}
