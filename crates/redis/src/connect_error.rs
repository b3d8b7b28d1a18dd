//! Why a connection could not be made, in words for the operator.

use std::error::Error;
use std::io;
use std::sync::Arc;

use redis::{ErrorKind, RedisError};
use rustls::{AlertDescription, CertificateError};

use crate::url::RedisUrl;

/// A connection could not be made.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// To a server of the URL, or to the master that a sentinel has named.
    Server(RedisError),
    /// To a node of a cluster, at the address that it announces. A server of the URL was connected.
    Announced {
        /// The host and the port.
        address: String,
        /// What failed.
        error: RedisError,
    },
    /// To a cluster. What is wrong with it was not found out in time.
    Unfinished {
        /// How far the search has come.
        progress: Progress,
        /// The first error of a server of the URL, or that of the client of the cluster.
        error: RedisError,
    },
}

/// How far the search for the cause has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// This number of servers of the URL were asked, and none has named the nodes.
    Servers {
        /// Those that have failed.
        asked: usize,
    },
    /// A server of the URL has named the nodes.
    Nodes {
        /// Those that answer.
        reached: usize,
        /// All that were named.
        of: usize,
    },
}

impl ConnectError {
    /// What is wrong, and what to do about it where only the operator can know: TLS, a password, and the addresses of a cluster.
    pub(crate) fn reason(&self, url: &RedisUrl) -> String {
        match self {
            Self::Server(error) => reason_of_server(error, url),
            Self::Announced { address, error } => reason_of_announced(address, error, url),
            Self::Unfinished { progress: Progress::Servers { asked }, error } => format!(
                "{asked} of the {} servers of the URL have not named the nodes of the cluster, and the time was over before the others \
                 were asked; the first error: {}",
                url.hosts.len(),
                reason_of_server(error, url)
            ),
            Self::Unfinished { progress: Progress::Nodes { reached, of }, error } => format!(
                "{reached} of the {of} nodes of the cluster answer at the addresses that they announce, and the time was over before \
                 the others were asked: they answer too slowly: {error}"
            ),
        }
    }
}

fn reason_of_server(error: &RedisError, url: &RedisUrl) -> String {
    if let Some(error) = tls_error(error) {
        return reason_of_tls(error);
    }
    if is_refused(error) {
        return format!("the server refuses the user or the password of the URL: {error}");
    }
    match url.uses_tls {
        true if error.is_timeout() => format!(
            "the server did not answer in time: if it does not offer TLS at this port, write `redis` instead of `rediss` into \
             the URL: {error}"
        ),
        false if was_ended(error) => format!(
            "the server has ended the connection: if it offers only TLS at this port, write `rediss` instead of `redis` into the \
             URL: {error}"
        ),
        _ => error.to_string(),
    }
}

/// The URL is right as far as TLS is concerned, because a server of it was connected.
fn reason_of_announced(address: &str, error: &RedisError, url: &RedisUrl) -> String {
    let tls_error = tls_error(error);
    if let Some(rustls::Error::InvalidCertificate(certificate)) = tls_error
        && is_other_name(certificate)
    {
        return format!(
            "a node of the cluster announces the address {address}, which is not in its certificate: set \
             `cluster-announce-hostname` to a name of the certificate, and `cluster-preferred-endpoint-type hostname`: {certificate}"
        );
    }
    let is_no_tls = error.is_timeout() || matches!(tls_error, Some(rustls::Error::InvalidMessage(_)));
    match url.uses_tls {
        true if is_no_tls => format!(
            "a node of the cluster does not answer at the address {address}, which it announces: if that port is without TLS, set \
             `tls-cluster yes` at every node; otherwise compare `cluster-announce-ip` and `cluster-announce-tls-port` with the \
             network: {error}"
        ),
        false if was_ended(error) => format!(
            "a node of the cluster has ended the connection at the address {address}, which it announces: if it offers only TLS at \
             that port, as with `tls-cluster yes`, write `rediss+cluster` instead of `redis+cluster` into the URL, with ports for \
             TLS: {error}"
        ),
        _ if tls_error.is_some() || is_refused(error) => {
            format!("at {address}, which a node of the cluster announces: {}", reason_of_server(error, url))
        }
        _ => format!(
            "a node of the cluster cannot be reached at the address {address}, which it announces: compare \
             `cluster-announce-ip`, `cluster-announce-hostname` and `cluster-announce-port` with the network: {error}"
        ),
    }
}

/// Whether the server has ended the connection. A server with TLS ends one without it; a server without TLS waits for the rest of a
/// line. An error that the client has made up, without a cause, is no sign of either.
fn was_ended(error: &RedisError) -> bool {
    error.source().is_some() && error.is_connection_dropped() && !error.is_connection_refusal()
}

fn is_other_name(error: &CertificateError) -> bool {
    matches!(error, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
}

fn reason_of_tls(error: &rustls::Error) -> String {
    let certificate = match error {
        rustls::Error::InvalidCertificate(error) => error,
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            return "the server demands a certificate of its clients, and Counterfoil sends none: set `tls-auth-clients no` at the \
                    server"
                .to_owned();
        }
        rustls::Error::InvalidMessage(_) => {
            return format!(
                "the server does not offer TLS at this port: write `redis` instead of `rediss` into the URL, or name its port for \
                 TLS: {error}"
            );
        }
        other => return format!("TLS with the server has failed: {other}"),
    };
    match certificate {
        // A wrong signature: an authority of the same name is trusted, with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "no trusted authority has signed the certificate of the server: name a file with the certificate of its authority, \
             `?ca_file=FILE` in the URL"
                .to_owned()
        }
        other if is_other_name(other) => format!(
            "the certificate of the server is for another host name: write a host into the URL that is in the certificate, or \
             make a certificate for this host, which sentinels may have named: {certificate}"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate of the server has expired: renew it, and have the server read it again; if it has not expired, \
             correct the clock of this machine"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate of the server is not valid yet: correct the clock of this machine, or make another certificate"
                .to_owned()
        }
        other => format!("the certificate of the server is not accepted: {other}"),
    }
}

fn is_refused(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::AuthenticationFailed)
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
}

/// What is wrong with TLS.
fn tls_error(error: &RedisError) -> Option<&rustls::Error> {
    let shared = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    shared.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
}
