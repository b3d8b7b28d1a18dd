//! The answers to the questions of `init`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use counterfoil::operator::is_loopback_ip;

use crate::error::CliError;

/// The answers to all questions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    /// The URL that clients use.
    pub(crate) issuer: String,
    /// The kinds of clients.
    pub(crate) clients: Vec<ClientKind>,
    /// Whether all pages are on one domain.
    #[serde(default)]
    pub(crate) domains: Domains,
    /// How soon a logout must take effect everywhere.
    #[serde(default)]
    pub(crate) logout: LogoutDelay,
    /// The other services that verify tokens.
    #[serde(default)]
    pub(crate) verifiers: Verifiers,
    /// Whether users may register: `open` or `closed`.
    #[serde(default = "closed")]
    pub(crate) registration: String,
    /// The address to listen on, if not 127.0.0.1:3000.
    pub(crate) listen: Option<String>,
    /// The data directory, if not `counterfoil-data`.
    pub(crate) data_dir: Option<String>,
    /// The certificate and its key, if the server itself speaks TLS.
    pub(crate) tls: Option<TlsAnswers>,
    /// Networks of the TLS proxies; if the server listens on loopback, this machine by default.
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<String>,
    /// Origins of pages on other domains.
    #[serde(default)]
    pub(crate) trusted_origins: Vec<String>,
}

/// The files for TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsAnswers {
    /// The certificate chain.
    pub(crate) certificate: String,
    /// The key of the certificate.
    pub(crate) key: String,
}

/// A kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientKind {
    /// Pages in a browser.
    Pages,
    /// Mobile and desktop applications.
    Mobile,
    /// Programs without a user.
    Services,
}

/// Where the pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Domains {
    /// On the issuer's domain and its subdomains.
    #[default]
    One,
    /// On several domains.
    Many,
}

/// How soon a logout takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogoutDelay {
    /// With its response.
    #[default]
    Immediate,
    /// When the access token expires.
    Delayed,
}

/// The other services that verify tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verifiers {
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
    pub(crate) const ALL: [Self; 3] = [Self::Pages, Self::Mobile, Self::Services];

    /// The word in the answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Mobile => "mobile",
            Self::Services => "services",
        }
    }
}

impl Answers {
    /// Reads answers from a file: JSON if its extension is `json`, else TOML.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or an answer is invalid; usage.
    pub(crate) fn read(file: &Path) -> Result<Self, CliError> {
        let text = fs::read_to_string(file)
            .map_err(|error| CliError::with_cause(&format!("{} cannot be read", file.display()), &error))?;
        let is_json = file.extension().is_some_and(|extension| extension == "json");
        let answers = if is_json {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        } else {
            toml::from_str(&text).map_err(|error| error.message().to_owned())
        };
        answers.map_err(|error| {
            CliError::usage(format!("the answers in {} are invalid: {error}", file.display()))
        })
    }

    /// The proxies to trust. An https issuer on a plain loopback listener is behind a TLS proxy on this
    /// machine; if that were not trusted, all clients would have its IP address.
    pub(crate) fn trusted_proxies(&self) -> Vec<String> {
        let is_behind_proxy = self.issuer.starts_with("https://") && self.tls.is_none();
        let is_on_loopback = self.listen.as_deref().is_none_or(is_loopback);
        match self.trusted_proxies.is_empty() && is_behind_proxy && is_on_loopback {
            true => ["127.0.0.0/8", "::1/128"].map(str::to_owned).to_vec(),
            false => self.trusted_proxies.clone(),
        }
    }
}

fn is_loopback(listen: &str) -> bool {
    listen.parse::<SocketAddr>().is_ok_and(|address| is_loopback_ip(address.ip()))
}

fn closed() -> String {
    "closed".to_owned()
}
