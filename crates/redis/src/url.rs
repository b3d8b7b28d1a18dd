//! The URL of a Redis or Valkey installation: one server, servers that sentinels name, or a cluster.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use counterfoil_jose::Secret;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The most hosts of a URL.
const MAX_HOSTS: usize = 64;

/// The URL of a Redis or Valkey installation.
///
/// - `redis://USER:PASSWORD@HOST:PORT/DATABASE`: one server;
/// - `redis+sentinel://USER:PASSWORD@SENTINEL,SENTINEL/NAME/DATABASE`: the master that the sentinels name. User and password are
///   those of the servers; the sentinels are asked without;
/// - `redis+cluster://USER:PASSWORD@HOST,HOST`: a cluster, of which these hosts are asked first.
///
/// With `rediss` instead of `redis` the connections use TLS, and the certificate must be valid for the host name. The parameter
/// `ca_file` names a file with the certificates that are trusted instead of those of the operating system. `valkey` and
/// `valkeys` mean the same.
///
/// Its text and its debug output contain neither user nor password.
///
/// ```
/// use counterfoil_redis::RedisUrl;
///
/// let url: RedisUrl = "rediss://auth:swordfish@cache.example/1".parse()?;
/// assert_eq!(url.to_string(), "rediss://cache.example:6379/1");
/// assert!("http://cache.example".parse::<RedisUrl>().is_err());
/// # Ok::<(), counterfoil_redis::UrlError>(())
/// ```
#[derive(Clone)]
pub struct RedisUrl {
    pub(crate) topology: Topology,
    pub(crate) hosts: Vec<(String, u16)>,
    pub(crate) uses_tls: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret<String>>,
    pub(crate) database: u16,
}

/// How the servers are organized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    /// One server.
    Single,
    /// The master of this name, which the sentinels know.
    Sentinel(String),
    /// A cluster.
    Cluster,
}

/// Why a text is not such a URL. No variant contains the text, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It begins with another scheme.
    #[error("it does not begin with redis://, rediss://, redis+sentinel:// or redis+cluster://")]
    Scheme,
    /// It cannot be read.
    #[error("it is not a URL of Redis")]
    Invalid,
    /// Several hosts, and neither sentinels nor a cluster.
    #[error("redis:// has one host")]
    SeveralHosts,
    /// The URL of sentinels has no name of a master.
    #[error("it does not name the master: redis+sentinel://HOST/NAME")]
    MasterName,
    /// A cluster has one database only.
    #[error("a cluster has no databases")]
    Database,
    /// A parameter that is not known.
    #[error("its only parameter is `ca_file`, with rediss://")]
    Parameter,
}

impl UrlError {
    /// What to do about it, as one sentence for the operator.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Scheme | Self::Invalid => {
                "write it as redis://USER:PASSWORD@HOST, with special characters percent-encoded"
            }
            Self::SeveralHosts => "use redis+cluster:// or redis+sentinel:// for several hosts",
            Self::MasterName => {
                "add the name that the sentinels monitor, as redis+sentinel://HOST,HOST/mymaster"
            }
            Self::Database => "remove the path",
            Self::Parameter => "remove the others",
        }
    }
}

impl FromStr for RedisUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let (base, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let uses_tls = match base {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(UrlError::Scheme),
        };
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        // The rest of a password with an unescaped `@` would be taken for the host, which errors show.
        if address.matches('@').count() > 1 {
            return Err(UrlError::Invalid);
        }
        let (credentials, location) = address.rsplit_once('@').unwrap_or(("", address));
        let (hosts, path) = location.split_once('/').unwrap_or((location, ""));
        let (topology, path) = match kind {
            "" => (Topology::Single, path),
            "cluster" => (Topology::Cluster, path),
            "sentinel" => {
                let (name, path) = path.split_once('/').unwrap_or((path, ""));
                let name = decoded(name)?;
                if name.is_empty() {
                    return Err(UrlError::MasterName);
                }
                (Topology::Sentinel(name), path)
            }
            _ => return Err(UrlError::Scheme),
        };
        let port = if matches!(topology, Topology::Sentinel(_)) { SENTINEL_PORT } else { REDIS_PORT };
        let hosts: Vec<_> =
            hosts.split(',').map(|host| host_and_port(host, port)).collect::<Result<_, _>>()?;
        if hosts.len() > MAX_HOSTS || (topology == Topology::Single && hosts.len() > 1) {
            return Err(UrlError::SeveralHosts);
        }
        let database = match path {
            "" => 0,
            _ if topology == Topology::Cluster => return Err(UrlError::Database),
            number => number.parse().map_err(|_| UrlError::Invalid)?,
        };
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let part = |text: &str| decoded(text).map(|text| Some(text).filter(|text| !text.is_empty()));
        Ok(Self {
            topology,
            hosts,
            uses_tls,
            ca_file: ca_file(query, uses_tls)?,
            user: part(user)?,
            password: part(password)?.map(Secret::new),
            database,
        })
    }
}

/// A host with the port that it names, or the usual one.
fn host_and_port(text: &str, usual: u16) -> Result<(String, u16), UrlError> {
    let (host, port) = match text.strip_prefix('[') {
        // An IPv6 address.
        Some(rest) => rest.split_once(']').ok_or(UrlError::Invalid)?,
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    let port = match port {
        "" => usual,
        _ => port.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or(UrlError::Invalid)?,
    };
    let is_valid =
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    if is_valid { Ok((host.to_owned(), port)) } else { Err(UrlError::Invalid) }
}

fn ca_file(query: &str, uses_tls: bool) -> Result<Option<PathBuf>, UrlError> {
    match query.split_once('=') {
        None if query.is_empty() => Ok(None),
        Some(("ca_file", file)) if uses_tls && !file.is_empty() && !file.contains('&') => {
            Ok(Some(decoded(file)?.into()))
        }
        _ => Err(UrlError::Parameter),
    }
}

fn decoded(text: &str) -> Result<String, UrlError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| UrlError::Invalid)?;
    if text.contains(char::is_control) { Err(UrlError::Invalid) } else { Ok(text.into_owned()) }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        let password = |url: &Self| url.password.as_ref().map(|password| password.expose().clone());
        self.to_string() == other.to_string()
            && (&self.user, &self.ca_file) == (&other.user, &other.ca_file)
            && password(self) == password(other)
    }
}

impl Eq for RedisUrl {}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.uses_tls { "rediss" } else { "redis" };
        let kind = match self.topology {
            Topology::Single => "",
            Topology::Sentinel(_) => "+sentinel",
            Topology::Cluster => "+cluster",
        };
        write!(f, "{scheme}{kind}://")?;
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
            write!(f, "{separator}{open}{host}{close}:{port}")?;
        }
        if let Topology::Sentinel(name) = &self.topology {
            write!(f, "/{name}")?;
        }
        if self.database != 0 {
            write!(f, "/{}", self.database)?;
        }
        Ok(())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_one_server_sentinels_or_a_cluster() {
        for (text, shown) in [
            ("redis://cache", "redis://cache:6379"),
            ("valkeys://cache:7000/3", "rediss://cache:7000/3"),
            ("redis://[::1]:7000", "redis://[::1]:7000"),
            ("redis+sentinel://a,b:1/mymaster", "redis+sentinel://a:26379,b:1/mymaster"),
            ("rediss+sentinel://u:p@a/my%2Dmaster/2", "rediss+sentinel://a:26379/my-master/2"),
            ("redis+cluster://a:1,b:2,c:3", "redis+cluster://a:1,b:2,c:3"),
        ] {
            assert_eq!(text.parse::<RedisUrl>().map(|url| url.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for (text, error) in [
            ("http://cache", UrlError::Scheme),
            ("redis+other://cache", UrlError::Scheme),
            ("cache:6379", UrlError::Scheme),
            ("redis://a,b", UrlError::SeveralHosts),
            ("redis+sentinel://a,b", UrlError::MasterName),
            ("redis+cluster://a/1", UrlError::Database),
            ("redis://a/one", UrlError::Invalid),
            ("redis://", UrlError::Invalid),
            ("redis://a:port", UrlError::Invalid),
            ("redis://u:p@ss@a", UrlError::Invalid),
            ("redis://a?ca_file=x", UrlError::Parameter),
            ("rediss://a?insecure=1", UrlError::Parameter),
        ] {
            assert_eq!(text.parse::<RedisUrl>(), Err(error), "{text}");
        }
        let url: RedisUrl = "rediss://a?ca_file=%2Fetc%2Froot.pem".parse().unwrap();
        assert_eq!(url.ca_file, Some("/etc/root.pem".into()));
    }

    #[test]
    fn no_text_contains_user_or_password() {
        let url: RedisUrl = "redis://ada:sword%40fish@cache".parse().unwrap();
        assert_eq!(url.password.as_ref().map(|password| password.expose().as_str()), Some("sword@fish"));
        assert!(!format!("{url} {url:?}").contains("sword") && !url.to_string().contains("ada"));

        for wrong in ["redis://:swordfish@a:b:c", "redis://:swordfish@", "http://:swordfish@a"] {
            let error = wrong.parse::<RedisUrl>().unwrap_err();
            assert!(!format!("{error} {error:?} {}", error.hint()).contains("swordfish"));
        }
    }

    #[test]
    fn another_password_is_another_url() {
        let url = |text: &str| text.parse::<RedisUrl>().unwrap();
        assert_ne!(url("redis://:one@cache"), url("redis://:two@cache"));
        assert_eq!(url("redis://:one@cache"), url("redis://:one@cache:6379"));
    }
}
