//! A session with its user, its client and its position in the revocation log.

use counterfoil_verify::RevocationPosition;

use crate::client_error::InvalidCredential;
use crate::model::client::Client;
use crate::model::session::Session;
use crate::model::user::User;

/// A session with everything that decides whether it is valid.
#[derive(Debug, Clone)]
pub struct SessionContext {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// Its client.
    pub client: Client,
    /// The global revocation cutoff.
    pub global_cutoff: RevocationPosition,
    /// The head of the revocation log. Revocations that are not included here have higher positions.
    pub revocation_log_head: RevocationPosition,
}

impl SessionContext {
    /// Checks that the user and the client are enabled, and that no revocation cutoff is above the session's
    /// position.
    ///
    /// # Errors
    ///
    /// [`InvalidCredential::Disabled`] or [`InvalidCredential::RevokedByCutoff`].
    pub fn check_access(&self) -> Result<(), InvalidCredential> {
        if !self.user.is_enabled() || !self.client.enabled {
            return Err(InvalidCredential::Disabled);
        }
        if self.session.pos < self.cutoff() {
            return Err(InvalidCredential::RevokedByCutoff);
        }
        Ok(())
    }

    /// The revocation cutoff: nothing that was issued at a lower position to this user, through this client or to anyone is
    /// accepted.
    pub fn cutoff(&self) -> RevocationPosition {
        self.user.cutoff.max(self.client.cutoff).max(self.global_cutoff)
    }
}
