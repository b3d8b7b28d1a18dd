//! Verifies the password of a login: of a user of the store, or of a user of the application's own table.

use std::time::Duration;

use counterfoil_jose::{Secret, Time};

use crate::credentials::password::{PasswordHash, PlaintextPassword};
use crate::model::email_address;
use crate::model::session::ClientInfo;
use crate::model::user::{User, Username};
use crate::model::username::width_mapped;
use crate::services::ServiceError;
use crate::services::account::{AccountService, Credentials};
use crate::services::application_users::{ApplicationPassword, ApplicationUser, ApplicationUsers};
use crate::services::login_lookup::resolve_login_name;
use crate::services::login_rate_limiter::LoginAttempt;
use crate::services::password_hasher::{PasswordCheck, Requester, Verification};
use crate::store::LoginName;

/// The user whom a login names, if there is one, and whether the password is right.
pub(super) type Verified = (Option<User>, Verification);

/// A password that matches nothing, for reasons that depend on the input alone: nothing was hashed.
const NOT_HASHED: Verification = Verification { check: PasswordCheck::Mismatch, took: Duration::ZERO };

impl AccountService {
    /// Finds the user of a login and verifies the password.
    pub(super) async fn verify_login(
        &self,
        login: Option<&LoginName>,
        presented: &Credentials,
        client_info: &ClientInfo,
        requester: Requester,
        now: Time,
    ) -> Result<Verified, ServiceError> {
        if let Some(users) = &self.application_users {
            return self.verify_application_user(users, login, presented, client_info, requester, now).await;
        }
        // `None`, an invalid name, matches no user.
        let stored = match login {
            Some(login) => self.store.user_by_login(login).await?,
            None => None,
        };
        let hash = stored.as_ref().and_then(|user| user.password.clone());
        let password = PlaintextPassword::new(&presented.password);
        Ok((stored, self.verify_password(password, hash, requester).await?))
    }

    /// Whether an enabled user of the store has this password. Nothing is counted or recorded, so this is only for a
    /// password that is public, never for one that somebody has sent.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or the password cannot be hashed.
    pub async fn has_password(
        &self,
        username: &str,
        password: &Secret<String>,
    ) -> Result<bool, ServiceError> {
        let Some(login) = resolve_login_name(&*self.store, username).await? else { return Ok(false) };
        let user = self.store.user_by_login(&login).await?.filter(|user| user.disabled_at.is_none());
        let Some(hash) = user.and_then(|user| user.password) else { return Ok(false) };
        let password = PlaintextPassword::new(password);
        let verified = self.verify_password(password, Some(hash), Requester::default()).await?;
        Ok(verified.check != PasswordCheck::Mismatch)
    }

    /// Verifies a password with one hash, also if there is no such user: the response time does not reveal which names
    /// exist. A password above the length limit matches nothing and is not hashed; that depends on the input alone.
    pub(super) async fn verify_password(
        &self,
        password: PlaintextPassword,
        hash: Option<PasswordHash>,
        requester: Requester,
    ) -> Result<Verification, ServiceError> {
        if password.is_too_long() {
            return Ok(NOT_HASHED);
        }
        Ok(self.hasher.verify(password, hash, requester).await?)
    }

    /// One hash and one call of the application for every login, so that the response time does not reveal which users
    /// exist. A hash of the application is never replaced by a better one.
    async fn verify_application_user(
        &self,
        users: &ApplicationUsers,
        login: Option<&LoginName>,
        presented: &Credentials,
        client_info: &ClientInfo,
        requester: Requester,
        now: Time,
    ) -> Result<Verified, ServiceError> {
        let found = match application_login(&presented.username) {
            Some(login) => users.user_store().find_by_login(login).await?,
            None => None,
        };
        let attempt = match &found {
            Some(found) => self.check_other_spelling(found, login, client_info, now).await?,
            None => None,
        };
        let (is_right, took) =
            self.verify_application_password(users, found.as_ref(), presented, requester).await?;
        let verified = |check| Verification { check, took };
        let Some(found) = found else { return Ok((None, verified(PasswordCheck::Mismatch))) };
        if let Some(attempt) = attempt
            && !is_right
        {
            self.rate_limiter.record_failure(&attempt, now).await?;
        }
        if is_right && let Some(user) = users.log_in(&found, client_info, now).await? {
            return Ok((Some(user), verified(PasswordCheck::Match)));
        }
        // For the audit event of the failed login.
        let user = self.store.user_by_external_id(&found.external_id).await?;
        Ok((user, verified(PasswordCheck::Mismatch)))
    }

    /// The attempt to count under the username of `found`, if the login has another name. A table may find a user by
    /// spellings that are different names here, such as `ada` and `àda` in a collation without accents; an attacker could
    /// guess with each of them. A failure then counts twice for the client IP.
    async fn check_other_spelling(
        &self,
        found: &ApplicationUser,
        login: Option<&LoginName>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Option<LoginAttempt>, ServiceError> {
        let Some(own) = resolve_login_name(&*self.store, &found.username).await? else { return Ok(None) };
        let email = found.email.as_deref().and_then(|email| email_address::of_application(email).ok());
        let email = email.map(LoginName::Email);
        if login.is_none_or(|login| *login == own || Some(login) == email.as_ref()) {
            return Ok(None);
        }
        self.rate_limiter.check_login(own.as_str(), client_info.ip, now).await.map(Some)
    }

    async fn verify_application_password(
        &self,
        users: &ApplicationUsers,
        found: Option<&ApplicationUser>,
        presented: &Credentials,
        requester: Requester,
    ) -> Result<(bool, Duration), ServiceError> {
        let password = PlaintextPassword::new(&presented.password);
        if password.is_too_long() {
            return Ok((false, Duration::ZERO));
        }
        let (hash, verified_by_application) = match found.map(|found| &found.password) {
            Some(ApplicationPassword::Hash(text)) => (PasswordHash::import(text).ok(), None),
            Some(ApplicationPassword::VerifiedByApplication) => (None, found),
            None => (None, None),
        };
        let Verification { check, took } = self.verify_password(password, hash, requester).await?;
        let typed = presented.password.expose();
        let is_right = users.user_store().verify_password(verified_by_application, typed).await?;
        let is_right = match verified_by_application {
            Some(_) => is_right,
            None => matches!(check, PasswordCheck::Match | PasswordCheck::MatchNeedsRehash),
        };
        Ok((is_right, took))
    }
}

/// The login name for the application's table; `None` if it is neither a valid username nor of the form of an e-mail
/// address. Failed attempts are counted by the canonical name: with a name that an application trims, an attacker could
/// guess without limit.
fn application_login(name: &str) -> Option<&str> {
    let is_valid = match width_mapped(name).contains('@') {
        true => email_address::of_application(name).is_ok(),
        false => Username::of_application(name).is_ok(),
    };
    is_valid.then_some(name)
}
