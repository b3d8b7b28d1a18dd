//! The URL of a database: where it is, and whether the connection is encrypted.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// The URL of a PostgreSQL database, `postgres://user:password@host:port/database?sslmode=verify-full`.
///
/// Its text and its debug output contain no password. A host other than this machine is reached with TLS, and its
/// certificate must be valid for its name, unless the URL has `sslmode=disable`. The parameter `sslrootcert` names a file with the
/// certificates that are trusted instead of those of the operating system.
#[derive(Clone)]
pub struct PostgresUrl {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
}

/// Whether connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    /// They are not.
    Off,
    /// They are, and the certificate of the server is verified with the certificates in this file, or with those of the
    /// operating system.
    Verify {
        /// The file, in PEM form.
        roots: Option<PathBuf>,
    },
}

/// Why a text is not the URL of a database. No variant contains the text, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not begin with `postgres://` or `postgresql://`.
    #[error("it does not begin with postgres://")]
    Scheme,
    /// It cannot be read.
    #[error("it is not a URL of PostgreSQL")]
    Invalid,
    /// The parameter `sslmode` has another value.
    #[error("`sslmode` must be `verify-full`, `require` or `disable`")]
    SslMode,
}

impl UrlError {
    /// What to do about it, as one sentence for the operator.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Scheme | Self::Invalid => {
                "write it as postgres://USER:PASSWORD@HOST/DATABASE, with special characters percent-encoded"
            }
            Self::SslMode => {
                "remove it: the certificate of every other machine is verified; `disable` sends everything unencrypted"
            }
        }
    }
}

impl FromStr for PostgresUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(UrlError::Scheme);
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        // The rest of a password with an unescaped `@` would be taken for the host, which errors show.
        if address.matches('@').count() > 1 {
            return Err(UrlError::Invalid);
        }
        let (mut others, mut mode, mut roots) = (Vec::new(), None, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => roots = Some(PathBuf::from(percent_decoded(value)?)),
                _ => others.push(parameter),
            }
        }
        let text = format!("{address}?{}", others.join("&"));
        // The error of the parser may contain a part of the text.
        let mut config = Config::from_str(&text).map_err(|_| UrlError::Invalid)?;
        let tls = match mode {
            Some("disable") => Tls::Off,
            None if roots.is_none() && is_on_this_machine(&config) => Tls::Off,
            None | Some("require" | "verify-full") => Tls::Verify { roots },
            Some(_) => return Err(UrlError::SslMode),
        };
        config.ssl_mode(if tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
        Ok(Self { config, tls })
    }
}

fn percent_decoded(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(UrlError::Invalid)?;
                u8::try_from(high * 16 + low).map_err(|_| UrlError::Invalid)?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Invalid)
}

/// Whether every host is a socket or a loopback address of this machine.
fn is_on_this_machine(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    }) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

impl PostgresUrl {
    /// The database and its hosts, for people.
    pub(crate) fn host_and_database(&self) -> String {
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Unix(path) => path.display().to_string(),
                Host::Tcp(name) => name.clone(),
            })
            .collect();
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or("postgres");
        format!("{database} at {}", hosts.join(", "))
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host_and_database())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(text: &str) -> Result<Tls, UrlError> {
        text.parse::<PostgresUrl>().map(|url| url.tls)
    }

    #[test]
    fn a_password_with_an_unescaped_at_sign_is_refused() {
        let at_sign = "postgres://auth:one@two@127.0.0.1/auth".parse::<PostgresUrl>();
        assert_eq!(at_sign.unwrap_err(), UrlError::Invalid);
        assert!("postgres://auth:one%40two@127.0.0.1/auth".parse::<PostgresUrl>().is_ok());
    }

    #[test]
    fn another_machine_is_verified_unless_the_url_turns_it_off() {
        let verified = Ok(Tls::Verify { roots: None });
        assert_eq!(tls("postgres://ada@db.example/auth"), verified);
        assert_eq!(tls("postgres://ada@db.example/auth?sslmode=require"), verified);
        assert_eq!(tls("postgres://ada@127.0.0.1,db.example/auth"), verified);
        assert_eq!(tls("postgres://ada@localhost/auth?sslmode=verify-full"), verified);
        assert_eq!(
            tls("postgres://ada@localhost/auth?sslrootcert=%2Fetc%2Froot.pem"),
            Ok(Tls::Verify { roots: Some("/etc/root.pem".into()) })
        );
        assert_eq!(tls("postgres://ada@db.example/auth?sslmode=disable"), Ok(Tls::Off));
        for local in ["localhost", "127.0.0.1", "%2Fvar%2Frun%2Fpostgresql"] {
            assert_eq!(tls(&format!("postgres://ada@{local}/auth")), Ok(Tls::Off), "{local}");
        }
        for unverified in ["prefer", "allow", "verify-ca", ""] {
            let url = format!("postgres://ada@db.example/auth?sslmode={unverified}");
            assert_eq!(tls(&url), Err(UrlError::SslMode), "{unverified}");
        }
    }

    #[test]
    fn no_text_contains_the_password() {
        let url: PostgresUrl = "postgres://ada:swordfish@db.example/auth".parse().unwrap();
        assert_eq!(url.to_string(), "auth at db.example");
        assert!(!format!("{url:?} {:?}", url.config).contains("swordfish"));

        for wrong in [
            "mysql://ada:swordfish@db",
            "postgres://ada:swordfish@db:port/auth",
            "postgres://ada:swordfish@db?x=y",
        ] {
            let error = wrong.parse::<PostgresUrl>().unwrap_err();
            assert!(!format!("{error} {error:?} {}", error.hint()).contains("swordfish"));
        }
    }
}
