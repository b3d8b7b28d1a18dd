//! Changes of users in the application's own table.

use counterfoil_core::model::external_id::ExternalId;

use crate::embed::Counterfoil;
use crate::embed::error::Error;
use crate::operations::application_users;

impl Counterfoil {
    /// Ends all sessions of this user, in every mode, if the application's own table no longer has the user or has
    /// another epoch than before; takes over a new name, address and new roles. For an application that has called
    /// [`CounterfoilBuilder::users`](crate::CounterfoilBuilder::users), after a change of its table that must not wait for
    /// the user's next login or refresh.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAllowed`](crate::ErrorKind::NotAllowed) without a table of the application;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if a store fails: then the sessions have not ended.
    pub async fn user_changed(&self, external_id: &ExternalId) -> Result<(), Error> {
        let changed = application_users::user_changed(self.app(), external_id).await;
        changed.map_err(|error| Error::new(self.app(), error))
    }
}
