//! Registration of a user.

use serde_json::Value;

use counterfoil_jose::{Secret, Time, random};
use counterfoil_verify::UserId;

use crate::client_error::ClientError;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::ClientInfo;
use crate::model::user::User;
use crate::services::ServiceError;
use crate::services::account::{
    AccountService, canonical_email, check_external_id_free, parse_external_id, refused_value,
};
use crate::services::password_policy::PasswordContext;
use crate::store::{Change, CommitOutcome, Transaction};

/// The input of a registration.
#[derive(Debug)]
pub struct Registration {
    /// The requested username.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
    /// The claimed e-mail address.
    pub email: Option<String>,
    /// The roles of the new user; empty for registrations over the network.
    pub roles: Vec<String>,
    /// The application's own id of the new user; `None` for registrations over the network.
    pub external_id: Option<Value>,
}

impl AccountService {
    /// Registers a user. The input is validated before any look-up.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for invalid input or the `external_id` of another user, [`ClientError::UsernameTaken`] if the
    /// username exists or, by the policy, looks like that of another user,
    /// [`ClientError::RateLimited`] for an anonymous request if its IP has registered too often.
    pub async fn register(
        &self,
        registration: Registration,
        actor: Actor,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<User, ServiceError> {
        let username = self.username_policy.parse(&registration.username);
        let username = username.map_err(|error| refused_value("username", error))?;
        let email = registration.email.as_deref().map(canonical_email).transpose()?;
        let external_id = registration.external_id.as_ref().map(parse_external_id).transpose()?;
        let context = PasswordContext { username: username.as_str(), email: email.as_deref() };
        let password = self.parse_new_password("password", &registration.password)?;
        if actor == Actor::Anonymous {
            // Before anything that costs CPU time. Weak passwords count, and taken names too, so that a client cannot test
            // a list of names.
            self.rate_limiter.consume_registration(client_info.ip, now).await?;
        }
        let requester = self.rate_limiter.registration_requester(client_info.ip);
        self.validate_new_password("password", &password, context, requester).await?;
        // Avoids the hash for a taken name. The insert decides if two registrations race.
        if self.username_policy.find_holder(&*self.store, &username).await?.is_some() {
            return Err(ClientError::UsernameTaken.into());
        }
        check_external_id_free(&*self.store, external_id.as_ref(), None).await?;
        let user = User {
            external_id,
            email,
            password: Some(self.hasher.hash(password, requester).await?),
            roles: registration.roles,
            ..User::new(UserId::from_bytes(random::bytes()?), username, now)
        };
        let event = AuditEvent {
            actor,
            ..AuditEvent::by_user(AuditEventKind::UserRegistered, user.id, client_info, now)
        };
        let transaction = Transaction::new([Change::insert_user(user.clone()), Change::record_event(event)])
            .expecting(self.username_policy.expectation(&user.username));
        match self.store.commit(&transaction).await? {
            CommitOutcome::Applied(_) => Ok(user),
            CommitOutcome::Conflict(_) => {
                check_external_id_free(&*self.store, user.external_id.as_ref(), None).await?;
                Err(ClientError::UsernameTaken.into())
            }
        }
    }
}
