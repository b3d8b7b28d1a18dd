//! Why a connection could not be made, in words for the operator.

use std::error::Error;
use std::io;
use std::sync::Arc;

use redis::RedisError;
use rustls::CertificateError;

/// What is wrong, and what to do about it where only the operator can know: a certificate that is not accepted, and a password.
pub(crate) fn reason(error: &RedisError) -> String {
    match certificate_error(error) {
        // A wrong signature: an authority of the same name is trusted, with another key.
        Some(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "no authority that is trusted has signed the certificate of the server; `?ca_file=FILE` in the URL names another one"
                .to_owned()
        }
        Some(error @ (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
            format!("the certificate of the server is for another host name: {error}")
        }
        Some(error) => format!("the certificate of the server is not accepted: {error}"),
        None if is_refused(error) => {
            format!("the server refuses the user or the password of the URL: {error}")
        }
        None => error.to_string(),
    }
}

fn is_refused(error: &RedisError) -> bool {
    matches!(error.kind(), redis::ErrorKind::AuthenticationFailed)
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
}

/// What is wrong with the certificate of the server.
fn certificate_error(error: &RedisError) -> Option<&CertificateError> {
    let shared = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    let failed = shared.downcast_ref::<io::Error>()?.get_ref()?;
    match failed.downcast_ref()? {
        rustls::Error::InvalidCertificate(error) => Some(error),
        _ => None,
    }
}
