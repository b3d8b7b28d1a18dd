//! The answers from which a mode is recommended for each kind of client.

use serde::{Deserialize, Serialize};

/// The answers to all questions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The URL that clients use.
    pub issuer: String,
    /// The kinds of clients.
    pub clients: Vec<ClientKind>,
    /// Whether all pages are on one domain.
    #[serde(default)]
    pub domains: Domains,
    /// How soon a logout must take effect everywhere.
    #[serde(default)]
    pub logout: LogoutDelay,
    /// The other services that verify tokens.
    #[serde(default)]
    pub verifiers: Verifiers,
    /// Whether users may register: `open` or `closed`.
    #[serde(default = "closed")]
    pub registration: String,
    /// The address to listen on, if it is neither that of a plain-HTTP issuer nor 127.0.0.1:3000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// The data directory, if not `counterfoil-data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    /// The certificate and its key, if the server itself speaks TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsAnswers>,
    /// Networks of the TLS proxies; if the server listens on loopback, this machine by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<String>,
    /// Origins of pages on other domains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_origins: Vec<String>,
}

/// The files for TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsAnswers {
    /// The certificate chain.
    pub certificate: String,
    /// The key of the certificate.
    pub key: String,
}

/// A kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// Pages that a server renders: a traditional web application.
    Pages,
    /// Single-page applications.
    Spa,
    /// Mobile and desktop applications.
    Mobile,
    /// Programs without a user.
    Services,
}

/// Where the pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domains {
    /// On the issuer's domain and its subdomains.
    #[default]
    One,
    /// On several domains.
    Many,
}

/// How soon a logout takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogoutDelay {
    /// With its response.
    #[default]
    Immediate,
    /// When the access token expires.
    Delayed,
}

/// The other services that verify tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verifiers {
    /// No other services.
    #[default]
    None,
    /// Services of the same operator.
    OwnServices,
    /// Services of third parties.
    ThirdParties,
}

impl ClientKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Pages, Self::Spa, Self::Mobile, Self::Services];

    /// The word in the answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Spa => "spa",
            Self::Mobile => "mobile",
            Self::Services => "services",
        }
    }
}

impl Domains {
    /// All answers.
    pub const ALL: [Self; 2] = [Self::One, Self::Many];

    /// The word in the answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Many => "many",
        }
    }
}

impl LogoutDelay {
    /// All answers.
    pub const ALL: [Self; 2] = [Self::Immediate, Self::Delayed];

    /// The word in the answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Delayed => "delayed",
        }
    }
}

impl Verifiers {
    /// All answers.
    pub const ALL: [Self; 3] = [Self::None, Self::OwnServices, Self::ThirdParties];

    /// The word in the answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::OwnServices => "own-services",
            Self::ThirdParties => "third-parties",
        }
    }
}

impl Answers {
    /// The answers for these clients, with the default of every other answer.
    #[must_use]
    pub fn new(issuer: &str, clients: &[ClientKind]) -> Self {
        Self {
            issuer: issuer.to_owned(),
            clients: clients.to_vec(),
            domains: Domains::default(),
            logout: LogoutDelay::default(),
            verifiers: Verifiers::default(),
            registration: closed(),
            listen: None,
            data_dir: None,
            tls: None,
            trusted_proxies: Vec::new(),
            trusted_origins: Vec::new(),
        }
    }

    /// Whether the clients include pages in a browser.
    #[must_use]
    pub fn has_pages(&self) -> bool {
        self.clients.iter().any(|client| matches!(client, ClientKind::Pages | ClientKind::Spa))
    }
}

fn closed() -> String {
    "closed".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(answer: impl Serialize) -> String {
        serde_json::to_value(answer).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn the_word_of_an_answer_is_the_one_that_is_parsed() {
        assert_eq!(ClientKind::ALL.map(written), ClientKind::ALL.map(ClientKind::as_str));
        assert_eq!(Domains::ALL.map(written), Domains::ALL.map(Domains::as_str));
        assert_eq!(LogoutDelay::ALL.map(written), LogoutDelay::ALL.map(LogoutDelay::as_str));
        assert_eq!(Verifiers::ALL.map(written), Verifiers::ALL.map(Verifiers::as_str));
    }

    #[test]
    fn written_answers_are_read_as_the_same() {
        let answers = Answers {
            domains: Domains::Many,
            trusted_origins: vec!["https://app.example".to_owned()],
            ..Answers::new("https://auth.example", &ClientKind::ALL)
        };

        let text = serde_json::to_string(&answers).unwrap();

        assert_eq!(serde_json::from_str::<Answers>(&text).unwrap(), answers, "{text}");
    }
}
