//! Whether a password can be hashed now, asked before the body of a request is read.

use std::net::IpAddr;

use counterfoil_core::services::ServiceError;
use counterfoil_core::services::login_rate_limiter::client_ip_key;
use counterfoil_core::services::password_hasher::Requester;

use crate::app::App;
use crate::counters::Outcomes;
use crate::operations::error::OperationError;

/// Rejects an attempt if the password hash queue is full or the client IP has used its share. In a burst, a rejected one
/// then costs one short response, and other requests stay fast.
///
/// # Errors
///
/// If the queue is full or the share is used. The attempt is counted in `outcomes`.
pub(crate) fn check_hash_capacity(
    app: &App,
    client_ip: Option<IpAddr>,
    outcomes: &Outcomes,
) -> Result<(), OperationError> {
    let prefix = app.settings().rate_limits.ipv6_prefix;
    let client_ip = client_ip.map(|ip| client_ip_key(ip, prefix));
    match app.parts.hashing.check_capacity(&Requester { client_ip, account: None }) {
        Ok(()) => Ok(()),
        Err(error) => outcomes.count(Err(ServiceError::from(error).into())),
    }
}
