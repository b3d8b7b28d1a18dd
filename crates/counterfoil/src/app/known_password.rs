//! Whether a user has a password that the public knows.

use counterfoil_core::services::ServiceError;
use counterfoil_jose::Secret;

use crate::app::App;

impl App {
    /// Whether an enabled user has this password. For passwords that are public, such as that of the demo user of
    /// `counterfoil dev`, so that a store with one is not served to the public. Nothing is counted or recorded: it is not
    /// for a password that somebody has sent.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or the password cannot be hashed.
    pub async fn has_password(
        &self,
        username: &str,
        password: &Secret<String>,
    ) -> Result<bool, ServiceError> {
        self.parts.accounts.has_password(username, password).await
    }
}
