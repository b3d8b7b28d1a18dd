//! The scope and the audience that a login requests, and what its client allows.

use crate::client_error::ClientError;
use crate::model::client::Client;
use crate::model::session::{Mode, SessionCredential};
use crate::services::issuer::{Issuer, NewSession};

impl Issuer {
    /// Checks that the client may request the scope and the audience of this login.
    ///
    /// Both are granted as requested or not at all: a client that gets less than it requested without an error fails
    /// later, where the cause is hard to find (RFC 6749, section 3.3, allows either).
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for the first one that is not allowed.
    pub(super) fn check_requested_access(
        &self,
        client: &Client,
        credential: &SessionCredential,
        new_session: &NewSession,
    ) -> Result<(), ClientError> {
        let refused = |field, detail: &str| Err(ClientError::Field { field, detail: detail.to_owned() });
        if new_session.scope.as_deref().is_some_and(|scope| !client.allows_scope(scope)) {
            return refused("scope", "must contain only scopes that the client may request");
        }
        let Some(audience) = &new_session.audience else { return Ok(()) };
        if matches!(credential, SessionCredential::Cookie(_)) {
            let detail = format!(
                "must be absent in mode `{}`: a session token is only for its issuer",
                Mode::Session.as_str()
            );
            return refused("audience", &detail);
        }
        if !self.allows_audience(client, audience) {
            return refused("audience", "must be the issuer or an audience that the client may request");
        }
        Ok(())
    }

    /// Whether tokens of this client may have this audience. Every client may request the issuer itself.
    pub(super) fn allows_audience(&self, client: &Client, audience: &str) -> bool {
        audience == self.issuer || client.allows_audience(audience)
    }
}
