//! What somebody answered.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use crate::fault::Fault;

/// The answers to all questions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    /// The URL that clients use.
    pub(crate) issuer: String,
    /// What logs in.
    pub(crate) clients: Vec<Kind>,
    /// Whether all pages are below one domain.
    #[serde(default)]
    pub(crate) domains: Domains,
    /// How soon a logout has to be in force everywhere.
    #[serde(default)]
    pub(crate) logout: Logout,
    /// Who judges tokens beside this server.
    #[serde(default)]
    pub(crate) verifiers: Verifiers,
    /// Whether strangers may register: `open` or `closed`.
    #[serde(default = "closed")]
    pub(crate) registration: String,
    /// Where to listen, if not on 127.0.0.1:3000.
    pub(crate) listen: Option<String>,
    /// Where to keep everything, if not in `counterfoil-data`.
    pub(crate) data_dir: Option<String>,
    /// The certificate chain, if TLS is to end here and not at a proxy.
    pub(crate) tls_certificate: Option<String>,
    /// Its key.
    pub(crate) tls_key: Option<String>,
    /// Networks of the proxies that end TLS; where we listen on loopback it is this machine's, if none is named.
    #[serde(default)]
    pub(crate) trusted_proxies: Vec<String>,
    /// Origins of pages on other domains.
    #[serde(default)]
    pub(crate) trusted_origins: Vec<String>,
}

/// A kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Pages in a browser.
    Pages,
    /// Applications on telephones and desks.
    Mobile,
    /// Programs without a person in front of them.
    Services,
}

/// Where pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Domains {
    /// Below the issuer's domain.
    #[default]
    One,
    /// On several.
    Many,
}

/// How soon a logout is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Logout {
    /// With the answer to it.
    #[default]
    AtOnce,
    /// When the token's short life is over.
    MayLag,
}

/// Who judges tokens beside this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verifiers {
    /// Nobody.
    #[default]
    Nobody,
    /// Services of the same house.
    OwnServices,
    /// Other people's.
    ThirdParties,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Pages, Self::Mobile, Self::Services];

    /// Its word in the answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Mobile => "mobile",
            Self::Services => "services",
        }
    }
}

impl Answers {
    /// Reads them from a file: JSON if its name ends so, else TOML.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not answers; usage.
    pub(crate) fn read(file: &Path) -> Result<Self, Fault> {
        let text = fs::read_to_string(file).map_err(|error| {
            Fault::because(&format!("the answers {} cannot be read", file.display()), &error)
        })?;
        let is_json = file.extension().is_some_and(|extension| extension == "json");
        let read = if is_json {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        } else {
            toml::from_str(&text).map_err(|error| error.message().to_owned())
        };
        read.map_err(|why| Fault::usage(format!("the answers {} cannot be used: {why}", file.display())))
    }

    /// The proxies whose word is believed. Behind an https issuer on a plain listener on loopback there is one, and
    /// it is on this machine; unnamed, it would make all clients one source.
    pub(crate) fn proxies(&self) -> Vec<String> {
        let is_behind = self.issuer.starts_with("https://") && self.tls_certificate.is_none();
        let is_here = self.listen.as_deref().is_none_or(is_loopback);
        match self.trusted_proxies.is_empty() && is_behind && is_here {
            true => ["127.0.0.0/8", "::1/128"].map(str::to_owned).to_vec(),
            false => self.trusted_proxies.clone(),
        }
    }
}

fn is_loopback(listen: &str) -> bool {
    listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

fn closed() -> String {
    "closed".to_owned()
}
