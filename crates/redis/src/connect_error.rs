//! Why a connection could not be made, in words for the operator.

use std::error::Error;
use std::io;
use std::sync::Arc;

use redis::{ErrorKind, RedisError};
use rustls::{AlertDescription, CertificateError};

use crate::url::RedisUrl;

/// What is wrong, and what to do about it where only the operator can know: TLS, and a password.
pub(crate) fn reason(error: &RedisError, url: &RedisUrl) -> String {
    if let Some(error) = tls_error(error) {
        return reason_of_tls(error);
    }
    if is_refused(error) {
        return format!("the server refuses the user or the password of the URL: {error}");
    }
    if error.kind() == ErrorKind::ClusterConnectionNotFound {
        return format!(
            "no node of the cluster can be reached at the address that it announces: compare \
             `cluster-announce-ip` and `cluster-announce-hostname` of the nodes with their certificates and the network: {error}"
        );
    }
    // A server without TLS waits for the rest of a line, and one with TLS ends a connection without it.
    match url.uses_tls {
        true if error.is_timeout() => format!(
            "the server did not answer in time: if it does not offer TLS at this port, write `redis` instead of `rediss` into \
             the URL: {error}"
        ),
        false if error.is_connection_dropped() && !error.is_connection_refusal() => format!(
            "the server has ended the connection: if it offers only TLS at this port, write `rediss` instead of `redis` into the \
             URL: {error}"
        ),
        _ => error.to_string(),
    }
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
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
            "the certificate of the server is for another host name: write a host into the URL that is in the certificate, or \
             make a certificate for this host, which sentinels or nodes of a cluster may have named: {certificate}"
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
