//! From what was typed to the settings of an installation. Everything is judged here, before anything is
//! created.

use std::env;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use counterfoil::{IssuerUrl, MasterKeySource, Settings, StoreUrl};
use counterfoil_jose::Secret;

use crate::common::{Common, PasswordRules, Registration};
use crate::fault::Fault;

/// The variable that may hold the master key itself. It is read here and never an argument.
const MASTER_KEY: &str = "COUNTERFOIL_MASTER_KEY";

/// The database in a data directory.
const DATABASE: &str = "counterfoil.db";

impl Common {
    /// The settings for a server that is reached at `address`, which is the issuer unless one was named.
    ///
    /// # Errors
    ///
    /// If issuer or store are not what they have to be; usage.
    pub(crate) fn settings(&self, address: SocketAddr) -> Result<Settings, Fault> {
        Ok(Settings {
            data_dir: Some(self.data_dir.clone()),
            master_key: MasterKeySource {
                text: env::var(MASTER_KEY).ok().map(Secret::new),
                file: self.master_key_file.clone(),
            },
            refresh_grace: Duration::from_secs(self.refresh_grace.into()),
            registration: self.registration.into(),
            password_rules: self.password_rules.into(),
            breached_passwords: self.breached_passwords.clone(),
            ..Settings::new(self.issuer_at(address)?, self.store_url()?)
        })
    }

    /// The issuer: as named, else the address on loopback.
    fn issuer_at(&self, address: SocketAddr) -> Result<IssuerUrl, Fault> {
        match &self.issuer {
            Some(named) => issuer(named),
            None if address.ip().is_loopback() => issuer(&format!("http://{address}")),
            None => Err(Fault::usage(format!("{address} is not loopback, so the issuer has to be named"))
                .hint("--issuer https://auth.example, as clients reach it; TLS may end at a proxy")),
        }
    }

    /// The store: as named, else in the data directory.
    pub(crate) fn store_url(&self) -> Result<StoreUrl, Fault> {
        match &self.store {
            Some(named) => store(named),
            None => Ok(StoreUrl::Sqlite(self.data_dir.join(DATABASE))),
        }
    }
}

/// The settings of a throw-away installation in `dir`. What was configured for a real one does not count.
pub(crate) fn for_trying_out(dir: &Path, address: SocketAddr) -> Result<Settings, Fault> {
    let store = StoreUrl::Sqlite(dir.join(DATABASE));
    Ok(Settings {
        data_dir: Some(dir.to_owned()),
        ..Settings::new(issuer(&format!("http://{address}"))?, store)
    })
}

fn issuer(text: &str) -> Result<IssuerUrl, Fault> {
    text.parse().map_err(|fault: counterfoil::IssuerFault| Fault::usage(fault.to_string()).hint(fault.hint()))
}

fn store(text: &str) -> Result<StoreUrl, Fault> {
    text.parse().map_err(|fault: counterfoil::StoreUrlFault| Fault::usage(fault.to_string()))
}

impl From<Registration> for counterfoil::Registration {
    fn from(named: Registration) -> Self {
        match named {
            Registration::Open => Self::Open,
            Registration::Closed => Self::Closed,
        }
    }
}

impl From<PasswordRules> for counterfoil::PasswordRules {
    fn from(named: PasswordRules) -> Self {
        match named {
            PasswordRules::Standard => Self::Standard,
            PasswordRules::Nist => Self::Nist,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;

    fn issuer_of(arguments: &[&str]) -> Result<String, Fault> {
        let typed = [&["counterfoil"], arguments, &["serve"]].concat();
        let common = Arguments::parse_from(typed).common;
        common.settings(common.listen).map(|settings| settings.issuer.as_str().to_owned())
    }

    #[test]
    fn on_loopback_the_address_is_the_issuer() {
        assert_eq!(issuer_of(&["--listen", "127.0.0.1:8080"]).unwrap(), "http://127.0.0.1:8080");
        assert_eq!(issuer_of(&["--listen", "[::1]:8080"]).unwrap(), "http://[::1]:8080");
    }

    #[test]
    fn elsewhere_the_issuer_is_named_and_secure() {
        assert!(issuer_of(&["--listen", "0.0.0.0:443"]).is_err());
        assert!(issuer_of(&["--issuer", "http://auth.example"]).is_err());
        assert!(issuer_of(&["--issuer", "https://auth.example/"]).is_err());
        let named = issuer_of(&["--listen", "0.0.0.0:443", "--issuer", "https://auth.example"]);
        assert_eq!(named.unwrap(), "https://auth.example");
    }
}
