//! A login until it is complete: the factors that the user has proved, and those that are required.

use std::borrow::Cow;

use counterfoil_jose::Time;
use counterfoil_verify::RevocationPosition;

use crate::client_error::{ClientError, LoginFailure};
use crate::model::client::Client;
use crate::model::session::Mode;
use crate::model::user::User;

/// The `amr` value of an authentication with more than one factor (RFC 8176, section 2).
const MULTI_FACTOR: &str = "mfa";

/// A login that is not complete yet.
///
/// Until then no user is authenticated: only [`AuthenticationAttempt::finish`] makes an [`AuthenticatedUser`], and only that
/// opens a session. A login by password is an attempt with one factor, which is begun and finished in one request.
#[derive(Debug, Clone)]
pub struct AuthenticationAttempt {
    user: User,
    client: Client,
    mode: Mode,
    /// The position of the revocation log before user and client were read.
    pos: RevocationPosition,
    completed: Vec<Factor>,
    required: RequiredFactors,
    expires_at: Time,
}

/// How many factors of different categories a login needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredFactors {
    /// One factor of any category.
    One,
    /// Two factors of different categories (NIST SP 800-63B-4, section 2.2.1).
    Two,
}

/// Something that the user has proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// The authentication method (`amr`, RFC 8176), such as `pwd`.
    amr: Cow<'static, str>,
    category: FactorCategory,
    completed_at: Time,
}

/// The category of a factor (NIST SP 800-63B-4, section 1). Two factors of one category count as one: who steals a
/// password may steal the answer to a question, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorCategory {
    /// Something that the user knows.
    Knowledge,
    /// Something that the user has.
    Possession,
    /// Something that the user is.
    Inherence,
}

/// Why an attempt is not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttemptError {
    /// A required factor is missing. The attempt can continue with it.
    #[error("a required factor is missing")]
    Incomplete(Box<AuthenticationAttempt>),
    /// It took too long; the user must start again.
    #[error("the attempt has expired")]
    Expired,
}

/// A user after a successful login, with the records that the login was checked against.
///
/// Only [`AuthenticationAttempt::finish`] makes one, so code that opens a session cannot skip a factor:
///
/// ```compile_fail,E0451
/// use counterfoil_core::services::account::AuthenticatedUser;
///
/// fn forge(other: AuthenticatedUser) -> AuthenticatedUser {
///     AuthenticatedUser { acr: "aal2", ..other }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct AuthenticatedUser {
    user: User,
    client: Client,
    mode: Mode,
    pos: RevocationPosition,
    amr: Vec<String>,
    acr: &'static str,
    auth_time: Time,
}

impl AuthenticationAttempt {
    /// Begins an attempt of `user`, without any factor. `pos` was read before `user` and `client`.
    pub(in crate::services) fn begin(
        (user, client): (User, Client),
        mode: Mode,
        pos: RevocationPosition,
        required: RequiredFactors,
        expires_at: Time,
    ) -> Self {
        Self { user, client, mode, pos, completed: Vec::new(), required, expires_at }
    }

    /// The attempt after the user has proved one more factor.
    #[must_use]
    pub(in crate::services) fn with_factor(mut self, factor: Factor) -> Self {
        self.completed.push(factor);
        self
    }

    /// Completes the login, if every required factor was proved in time.
    ///
    /// # Errors
    ///
    /// [`AttemptError::Expired`] at the end of the attempt or later; [`AttemptError::Incomplete`] with the attempt itself.
    pub fn finish(self, now: Time) -> Result<AuthenticatedUser, AttemptError> {
        if self.expires_at <= now {
            return Err(AttemptError::Expired);
        }
        let categories = self.count_categories();
        let Some(auth_time) = self.completed.iter().map(|factor| factor.completed_at).max() else {
            return Err(AttemptError::Incomplete(Box::new(self)));
        };
        if categories < self.required.count() {
            return Err(AttemptError::Incomplete(Box::new(self)));
        }
        Ok(AuthenticatedUser {
            amr: methods(&self.completed, categories),
            acr: assurance_level(categories),
            auth_time,
            user: self.user,
            client: self.client,
            mode: self.mode,
            pos: self.pos,
        })
    }

    /// How many different categories the completed factors have.
    fn count_categories(&self) -> usize {
        [FactorCategory::Knowledge, FactorCategory::Possession, FactorCategory::Inherence]
            .into_iter()
            .filter(|category| self.completed.iter().any(|factor| factor.category == *category))
            .count()
    }
}

/// The methods in the order in which they were used, each once.
fn methods(completed: &[Factor], categories: usize) -> Vec<String> {
    let mut methods: Vec<String> = Vec::with_capacity(completed.len() + 1);
    for factor in completed {
        if !methods.iter().any(|method| *method == factor.amr) {
            methods.push(factor.amr.to_string());
        }
    }
    if categories > 1 {
        methods.push(MULTI_FACTOR.to_owned());
    }
    methods
}

/// The authenticator assurance level (NIST SP 800-63B-4, section 2) as `acr` (RFC 9068, section 2.2.1).
const fn assurance_level(categories: usize) -> &'static str {
    if categories > 1 { "aal2" } else { "aal1" }
}

impl RequiredFactors {
    const fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

impl Factor {
    /// The password, verified at `completed_at`.
    pub(in crate::services) fn password(completed_at: Time) -> Self {
        Self { amr: "pwd".into(), category: FactorCategory::Knowledge, completed_at }
    }
}

impl From<AttemptError> for ClientError {
    /// A login that is not complete is a failed one.
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Incomplete(_) | AttemptError::Expired => Self::LoginFailed(LoginFailure::Changed),
        }
    }
}

impl AuthenticatedUser {
    /// The same login, checked again against the current records after its commit lost a race. It holds if the password is
    /// the same; for a user of the application's own table, if the application's epoch is. `pos` was read before `user` and `client`.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the password was changed, the user was disabled, or the client may no longer use the
    /// mode.
    pub(in crate::services) fn revalidated(
        &self,
        user: User,
        client: Client,
        pos: RevocationPosition,
    ) -> Result<Self, ClientError> {
        let has_same_password =
            (&user.password, user.application_epoch) == (&self.user.password, self.user.application_epoch);
        if !user.is_enabled() || !client.allows(self.mode) || !has_same_password {
            return Err(ClientError::LoginFailed(LoginFailure::Changed));
        }
        Ok(Self { user, client, pos, amr: self.amr.clone(), ..*self })
    }

    /// The user. A session is created only if the user's epoch is still the same.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The user, without the rest.
    pub fn into_user(self) -> User {
        self.user
    }

    /// The client. A session is created only if the client's revision is still the same.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The position of the revocation log before user and client were read: every later revocation has a higher one.
    pub fn pos(&self) -> RevocationPosition {
        self.pos
    }

    /// The authentication methods (`amr`, RFC 8176).
    pub fn amr(&self) -> &[String] {
        &self.amr
    }

    /// The authentication context class (`acr`): `aal1` with one factor, `aal2` with two.
    pub fn acr(&self) -> &'static str {
        self.acr
    }

    /// When the last factor was completed (`auth_time`).
    pub fn auth_time(&self) -> Time {
        self.auth_time
    }

    /// The requested mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use counterfoil_verify::UserId;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn after(seconds: u64) -> Time {
        NOON + Duration::from_secs(seconds)
    }

    fn user() -> User {
        User::new(UserId::from_bytes([8; 16]), "ada".parse().unwrap(), NOON)
    }

    fn attempt(required: RequiredFactors) -> AuthenticationAttempt {
        let records = (user(), Client::default_client());
        AuthenticationAttempt::begin(records, Mode::Session, RevocationPosition::START, required, after(300))
    }

    fn code(completed_at: Time) -> Factor {
        Factor { amr: "otp".into(), category: FactorCategory::Possession, completed_at }
    }

    fn is_incomplete(attempt: &AuthenticationAttempt) -> bool {
        matches!(attempt.clone().finish(after(200)), Err(AttemptError::Incomplete(_)))
    }

    #[test]
    fn a_password_completes_an_attempt_with_one_required_factor() {
        assert!(is_incomplete(&attempt(RequiredFactors::One)));

        let finished = attempt(RequiredFactors::One).with_factor(Factor::password(after(1))).finish(after(2));

        let finished = finished.unwrap();
        assert_eq!(
            (finished.amr(), finished.acr(), finished.auth_time()),
            (&["pwd".to_owned()][..], "aal1", after(1))
        );
    }

    #[test]
    fn an_attempt_with_two_required_factors_is_finished_only_with_both() {
        let first = attempt(RequiredFactors::Two).with_factor(Factor::password(after(1)));
        let Err(AttemptError::Incomplete(first)) = first.finish(after(2)) else { panic!("one is missing") };

        let finished = first.with_factor(code(after(60))).finish(after(61)).unwrap();

        assert_eq!(finished.amr(), ["pwd", "otp", "mfa"]);
        assert_eq!((finished.acr(), finished.auth_time()), ("aal2", after(60)));
    }

    #[test]
    fn two_factors_of_one_category_count_as_one() {
        let answer = Factor { amr: "kba".into(), ..Factor::password(after(2)) };
        let same = attempt(RequiredFactors::Two).with_factor(Factor::password(after(1)));
        assert!(is_incomplete(&same.clone().with_factor(Factor::password(after(2)))));
        assert!(is_incomplete(&same.with_factor(answer.clone())));

        let one = attempt(RequiredFactors::One).with_factor(Factor::password(after(1))).with_factor(answer);
        let finished = one.finish(after(3)).unwrap();
        assert_eq!((finished.amr(), finished.acr()), (&["pwd".to_owned(), "kba".to_owned()][..], "aal1"));
    }

    #[test]
    fn a_complete_attempt_expires() {
        let complete =
            attempt(RequiredFactors::Two).with_factor(Factor::password(NOON)).with_factor(code(after(1)));

        assert!(complete.clone().finish(after(299)).is_ok());
        assert!(matches!(complete.clone().finish(after(300)), Err(AttemptError::Expired)));
        assert!(matches!(complete.finish(after(1000)), Err(AttemptError::Expired)));
    }

    #[test]
    fn a_login_holds_only_with_the_same_password_and_an_enabled_user() {
        let finished =
            attempt(RequiredFactors::One).with_factor(Factor::password(NOON)).finish(NOON).unwrap();
        let revalidated =
            |user| finished.revalidated(user, Client::default_client(), RevocationPosition::new(7));

        let same = revalidated(user().with_roles(vec!["staff".into()])).unwrap();
        assert_eq!((same.pos(), same.auth_time()), (RevocationPosition::new(7), NOON));
        assert!(revalidated(user().disabled(NOON)).is_err());
    }
}
