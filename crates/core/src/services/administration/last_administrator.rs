//! An installation keeps its last administrator: no user could grant the role over HTTP any more.

use counterfoil_verify::UserId;

use crate::client_error::ClientError;
use crate::model::audit_event::Actor;
use crate::model::user::User;
use crate::services::ServiceError;
use crate::services::administration::Administration;
use crate::services::revoker::RevocationContext;
use crate::store::Expectation;

impl Administration {
    /// What a commit must expect that makes `previous` into `next`, or removes the user: that another administrator stays.
    /// `None` if no administrator is taken away.
    ///
    /// The other one is expected by their epoch, which every change of roles and status raises. So of two administrators
    /// who remove each other at the same time, one is refused. Admin keys do not count: they belong to programs, and those
    /// of a user are removed with their role.
    ///
    /// # Errors
    ///
    /// [`ClientError::LastAdministrator`] if there is no other administrator.
    pub(super) async fn expect_another_administrator(
        &self,
        previous: &User,
        next: Option<&User>,
        context: &RevocationContext,
    ) -> Result<Option<Expectation>, ServiceError> {
        if !previous.is_administrator() || next.is_some_and(User::is_administrator) {
            return Ok(None);
        }
        let other = match self.acting_administrator(previous.id, context).await? {
            Some(actor) => Some(actor),
            None => self.store.another_administrator(previous.id).await?,
        };
        let other = other.ok_or(ClientError::LastAdministrator)?;
        Ok(Some(Expectation::Epoch(other.id, other.epoch)))
    }

    /// The administrator who makes the change, unless they change themselves. The search for others reads all users.
    async fn acting_administrator(
        &self,
        changed: UserId,
        context: &RevocationContext,
    ) -> Result<Option<User>, ServiceError> {
        match context.actor {
            Actor::User(id) if id != changed => Ok(self.store.user(id).await?.filter(User::is_administrator)),
            Actor::User(_) | Actor::AdminKey(_) | Actor::Operator | Actor::Anonymous | Actor::System => {
                Ok(None)
            }
        }
    }
}
