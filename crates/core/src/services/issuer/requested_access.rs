//! The scope and the audience that a login requests, and what its client allows.

use counterfoil_verify::ClientId;

use crate::client_error::ClientError;
use crate::model::client::Client;
use crate::model::session::{Mode, SessionCredential};
use crate::services::ServiceError;
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
        let mode = credential.mode();
        self.check_access_request(client, mode, new_session.scope.as_deref(), new_session.audience.as_deref())
    }

    /// Checks the same before the password is verified: an error that only a right password gets would tell it to an
    /// attacker without an event in the audit log. An unknown client is the error of the login itself.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for the first one that is not allowed; an error if the store cannot be read.
    pub async fn check_request(
        &self,
        client: &ClientId,
        mode: Mode,
        scope: Option<&str>,
        audience: Option<&str>,
    ) -> Result<(), ServiceError> {
        if scope.is_none() && audience.is_none() {
            return Ok(());
        }
        let Some(client) = self.store.client(client).await? else { return Ok(()) };
        Ok(self.check_access_request(&client, mode, scope, audience)?)
    }

    fn check_access_request(
        &self,
        client: &Client,
        mode: Mode,
        scope: Option<&str>,
        audience: Option<&str>,
    ) -> Result<(), ClientError> {
        let refused = |field, detail: &str| Err(ClientError::Field { field, detail: detail.to_owned() });
        if scope.is_some_and(|scope| !client.allows_scope(scope)) {
            return refused("scope", "must contain only scopes that the client may request");
        }
        let Some(audience) = audience else { return Ok(()) };
        if mode == Mode::Session {
            let detail =
                format!("must be absent in mode `{}`: a session token is only for its issuer", mode.as_str());
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
