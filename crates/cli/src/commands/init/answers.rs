//! The answers to the questions of `init`.

use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use counterfoil::operator::is_loopback_ip;

use crate::configuration::builder::SettingsBuilder;
use crate::configuration::warnings::contradictions::LoopbackAddress;
use crate::error::CliError;
use crate::input_file::read_text;
use crate::standard_input::display_name;

/// The most bytes of the answers.
const MAX_LENGTH: u64 = 64 * 1024;

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
    /// The address to listen on, if it is neither that of a plain-HTTP issuer nor 127.0.0.1:3000.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientKind {
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
    pub(crate) const ALL: [Self; 4] = [Self::Pages, Self::Spa, Self::Mobile, Self::Services];

    /// The word in the answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Spa => "spa",
            Self::Mobile => "mobile",
            Self::Services => "services",
        }
    }
}

impl Answers {
    /// Reads answers from a file, or from standard input with `-`: JSON if it begins with a brace, else TOML.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or an answer is invalid; usage.
    pub(crate) fn read(file: &Path) -> Result<Self, CliError> {
        let text = read_text(file, MAX_LENGTH)?;
        let text = text.expose();
        // TOML does not begin with a brace.
        let answers = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| error.to_string())
        } else {
            toml::from_str(text).map_err(|error| error.message().to_owned())
        };
        answers.map_err(|error| {
            CliError::usage(format!("the answers in {} are invalid: {error}", display_name(file)))
        })
    }

    /// The address to listen on, if it is not the default: clients must find the server at a plain-HTTP issuer.
    pub(crate) fn listen(&self) -> Option<String> {
        let of_issuer = || {
            let address = LoopbackAddress::of_issuer(&self.issuer.parse().ok()?)?.address();
            (address != SettingsBuilder::default().listen).then(|| address.to_string())
        };
        self.listen.clone().or_else(of_issuer)
    }

    /// Whether the clients include pages in a browser.
    pub(crate) fn has_pages(&self) -> bool {
        self.clients.iter().any(|client| matches!(client, ClientKind::Pages | ClientKind::Spa))
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
