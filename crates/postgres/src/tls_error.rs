//! Why no encrypted connection could be made, in words for the operator.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use rustls::CertificateError;

/// What is wrong with TLS between this process and the server. [`hint`](Self::hint) says what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The file with the trusted certificates.
    #[error("the trusted certificates in {file} cannot be used")]
    TrustedCertificates {
        /// The file of the URL.
        file: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Nothing that is trusted has signed the certificate.
    #[error("no trusted authority has signed the certificate of the server")]
    UnknownAuthority,
    /// The certificate may only sign others.
    #[error("the certificate of the server is one of an authority")]
    OfAuthority,
    /// The certificate does not have the host name of the URL.
    #[error("the certificate of the server is for another host name: {0}")]
    OtherName(CertificateError),
    /// The time of the certificate is over.
    #[error("the certificate of the server has expired")]
    Expired,
    /// The time of the certificate has not begun.
    #[error("the certificate of the server is not valid yet")]
    NotYetValid,
    /// Another fault of the certificate.
    #[error("the certificate of the server is not accepted: {0}")]
    Certificate(CertificateError),
    /// The server answers without TLS only.
    #[error("the server does not offer TLS")]
    NotOffered,
    /// A fault of the protocol.
    #[error("TLS with the server has failed: {0}")]
    Handshake(String),
}

impl TlsError {
    /// What a failed attempt to connect says about TLS; `None` if that is not the reason.
    pub(crate) fn of(error: &tokio_postgres::Error) -> Option<Self> {
        let cause = error.source()?;
        let Some(failed) = cause.downcast_ref::<io::Error>() else {
            // The error has no code of its own.
            return (cause.to_string() == "server does not support TLS").then_some(Self::NotOffered);
        };
        match failed.get_ref()?.downcast_ref()? {
            rustls::Error::InvalidCertificate(error) => Some(Self::of_certificate(error)),
            other => Some(Self::Handshake(other.to_string())),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            // A wrong signature: an authority of the same name is trusted, with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownAuthority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherName(error.clone())
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            // What `openssl req -x509` makes by itself. The name of the error is not public.
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => Self::OfAuthority,
            other => Self::Certificate(other.clone()),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::TrustedCertificates { .. } => {
                "name a file with certificates in PEM form, which this user can read: `sslrootcert=FILE` in the URL"
            }
            Self::UnknownAuthority => {
                "name a file with the certificate of its authority: `sslrootcert=FILE` in the URL"
            }
            Self::OfAuthority => {
                "make a certificate with `basicConstraints=CA:FALSE` for the server, and name it or its authority: \
                 `sslrootcert=FILE` in the URL"
            }
            Self::OtherName(_) => {
                "write a host into the URL that is in the certificate, or make a certificate for this host"
            }
            Self::Expired => {
                "renew it, and reload the configuration of the server; if it has not expired, correct the clock of this machine"
            }
            Self::NotYetValid => "correct the clock of this machine, or make another certificate",
            Self::Certificate(_) => "make another certificate for the server",
            Self::NotOffered => {
                "set `ssl = on` at the server; where no other machine can listen, `sslmode=disable` in the URL does without"
            }
            Self::Handshake(_) => {
                "check that the host and the port are those of PostgreSQL, and that it has TLS 1.2 or newer"
            }
        }
    }
}
