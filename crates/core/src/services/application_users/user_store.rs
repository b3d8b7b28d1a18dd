//! The interface to an application's own user table.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;

use crate::model::external_id::ExternalId;

/// An application's own user table. Its users log in with the names and passwords of that table.
///
/// Each user also has a row in Counterfoil's store, made at the first login and found by
/// [`ApplicationUser::external_id`]. It takes over the name, the address and the roles at every login and refresh.
/// Users without a row in the application's table cannot log in. Registration and password changes are refused: the
/// application makes them in its table.
///
/// # When a change ends sessions
///
/// All sessions of a user end, in every mode, when Counterfoil sees that the user is missing or has another
/// [`epoch`](ApplicationUser::epoch) than before. It reads the user at each login of that user, at each refresh and at
/// each token exchange, once a minute in the background for each session token in use, and when the application calls
/// `Counterfoil::user_changed`. So a session token is refused within about a minute of its use after a change, and an
/// access token at the next of these events, or when it expires. The application calls `user_changed` after each change
/// that must end sessions at once, such as a new password or a deletion.
///
/// # Errors
///
/// An error of any function is a 503 for the client. The cause is logged.
#[async_trait]
pub trait UserStore: Send + Sync + 'static {
    /// The user with this login name, as it was typed: 1 to 64 visible characters, or a text of the form of an e-mail
    /// address.
    ///
    /// Failed attempts are counted by the canonical form of the typed name (RFC 8265). If the table finds a user whose
    /// username and address have another one, for example without regard to accents, they also count by that username.
    async fn find_by_login(&self, login: &str) -> Result<Option<ApplicationUser>, UserStoreError>;

    /// The user with this id.
    async fn find(&self, external_id: &ExternalId) -> Result<Option<ApplicationUser>, UserStoreError>;

    /// Whether `password`, as it was typed, is the password of `user`, whose
    /// [`password`](ApplicationUser::password) is [`ApplicationPassword::VerifiedByApplication`].
    ///
    /// It is called once for every login: with `None` if there is no such user, or if the user has a hash. Then it must
    /// take the same time, so that the response time does not reveal which users exist; the result is ignored.
    async fn verify_password(
        &self,
        user: Option<&ApplicationUser>,
        password: &str,
    ) -> Result<bool, UserStoreError> {
        let _ = (user, password);
        Ok(false)
    }
}

/// A user of an application's own table.
///
/// ```
/// use counterfoil_core::model::external_id::ExternalId;
/// use counterfoil_core::services::application_users::{ApplicationPassword, ApplicationUser};
///
/// let id = ExternalId::from_json(&serde_json::json!(42))?;
/// let hash = "$2b$12$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";
/// let ada = ApplicationUser::new(id, "ada", ApplicationPassword::Hash(hash.to_owned()))
///     .email("ada@shop.example")
///     .roles(["staff"])
///     .epoch(3);
/// assert!(!format!("{ada:?}").contains("2b"));
/// # Ok::<(), counterfoil_core::model::external_id::ExternalIdError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApplicationUser {
    /// The id. It never changes and is never given to another user.
    pub external_id: ExternalId,
    /// The username: 1 to 64 visible characters without `@`, unique without regard to case. The rules for new usernames
    /// ([`UsernamePolicy`](crate::services::username_policy::UsernamePolicy)) do not apply. An application whose users
    /// have none gives another unique text, such as the id.
    pub username: String,
    /// The e-mail address. It is shown and put nowhere else; it counts as unverified.
    pub email: Option<String>,
    /// The roles. `admin` makes the user an administrator of Counterfoil.
    pub roles: Vec<String>,
    /// A number that the application changes whenever the sessions of the user must end, such as at a new password. Any
    /// other value than before is a change.
    pub epoch: u64,
    /// How the password is verified.
    pub password: ApplicationPassword,
}

/// How the password of an [`ApplicationUser`] is verified.
#[derive(Clone)]
#[non_exhaustive]
pub enum ApplicationPassword {
    /// By this hash, in one of the formats of [`foreign_hashes`](crate::credentials::password::foreign_hashes), such as
    /// Argon2id, bcrypt or scrypt. A hash in another format matches no password.
    Hash(String),
    /// By [`UserStore::verify_password`].
    VerifiedByApplication,
}

/// The application's user table failed, or a user in it is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the application's user table failed")]
pub struct UserStoreError(#[source] Box<dyn Error + Send + Sync>);

impl ApplicationUser {
    /// A user without an address and roles, with the epoch 0.
    pub fn new(external_id: ExternalId, username: impl Into<String>, password: ApplicationPassword) -> Self {
        let username = username.into();
        Self { external_id, username, email: None, roles: Vec::new(), epoch: 0, password }
    }

    /// The same user with this e-mail address.
    #[must_use]
    pub fn email(self, email: impl Into<String>) -> Self {
        Self { email: Some(email.into()), ..self }
    }

    /// The same user with these roles.
    #[must_use]
    pub fn roles(self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { roles: roles.into_iter().map(Into::into).collect(), ..self }
    }

    /// The same user with this [`epoch`](Self::epoch).
    #[must_use]
    pub fn epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }
}

impl UserStoreError {
    /// The error with this cause, which is logged.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Debug for ApplicationPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(_) => f.write_str("Hash(..)"),
            Self::VerifiedByApplication => f.write_str("VerifiedByApplication"),
        }
    }
}
