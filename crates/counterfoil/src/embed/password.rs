//! Password changes from the application's own handlers.

use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::Secret;
use counterfoil_verify::{CredentialSource, Principal};

use crate::embed::Counterfoil;
use crate::embed::client_info::ClientInfo;
use crate::embed::credentials::Credentials;
use crate::embed::error::Error;
use crate::embed::login::LoginOutcome;
use crate::http::error::AppError;
use crate::http::presented_sessions::{clear_not_live, find_live_by_cookies};
use crate::http::scope::parse_client_id;
use crate::http::set_cookie::SetCookies;
use crate::operations::hash_capacity::check_hash_capacity;
use crate::operations::password::{self, ChangingSession, PasswordChange};
use crate::operations::presented_session::PresentedSession;
use crate::operations::scope_limit::check_account_access;
use crate::settings::cookie_options::CookieKind;

impl Counterfoil {
    /// Changes the password of the user of `principal`, and ends all other sessions of the user. The session of `principal`
    /// stays with new credentials, which are in the outcome: as cookies if the client has its session in cookies. The former
    /// ones are invalid at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCredentials`](crate::ErrorKind::InvalidCredentials) if the current password is wrong;
    /// [`InvalidField`](crate::ErrorKind::InvalidField) for a new password against the policy;
    /// [`NotAllowed`](crate::ErrorKind::NotAllowed) if the credential is limited by scope, without `counterfoil:account`, or
    /// the application has its own user table; [`RateLimited`](crate::ErrorKind::RateLimited).
    ///
    /// ```no_run
    /// use axum::Form;
    /// use axum::extract::State;
    /// use axum::response::{IntoResponse, Redirect};
    /// use counterfoil::{ClientInfo, Counterfoil, Error, Principal};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct PasswordForm {
    ///     current: String,
    ///     new: String,
    /// }
    ///
    /// async fn change_password(
    ///     State(auth): State<Counterfoil>,
    ///     client: ClientInfo,
    ///     user: Principal,
    ///     Form(form): Form<PasswordForm>,
    /// ) -> Result<impl IntoResponse, Error> {
    ///     let changed = auth.change_password(&client, &user, form.current, form.new).await?;
    ///     Ok((changed.cookies(), Redirect::to("/account")))
    /// }
    /// ```
    pub async fn change_password(
        &self,
        client: &ClientInfo,
        principal: &Principal,
        current: impl Into<String>,
        new: impl Into<String>,
    ) -> Result<LoginOutcome, Error> {
        let change = PasswordChange { current: Secret::new(current.into()), new: Secret::new(new.into()) };
        let changed = self.try_change_password(client, principal, change).await;
        changed.map_err(|error| Error::new(self.app(), error))
    }

    async fn try_change_password(
        &self,
        client: &ClientInfo,
        principal: &Principal,
        change: PasswordChange,
    ) -> Result<LoginOutcome, AppError> {
        let app = self.app();
        let now = app.now_to_issue()?;
        check_account_access(principal).map_err(|error| AppError::auth(error, CredentialSource::None))?;
        let presented = PresentedSession::from_principal(principal);
        let presented = presented.ok_or(ClientError::from(InvalidCredential::WrongKind))?;
        check_hash_capacity(app, client.ip(), &app.parts.metrics.password_changes)?;
        let kinds = [CookieKind::Session, CookieKind::Access];
        let in_cookies = find_live_by_cookies(app, client.cookies(), &kinds, now)
            .await
            .map_err(|error| AppError::auth(error, CredentialSource::Cookie))?
            .contains(&presented);
        let session = ChangingSession { presented, principal: principal.clone(), in_cookies };
        let issued = password::change_password(app, session, change, client.to_core(), now).await?;
        Ok(LoginOutcome::new(app, issued, in_cookies.then_some(client), now)?)
    }

    /// Changes the password of the user with these credentials, without a session, and ends all sessions of the user: for
    /// the owner of an account whose sessions a thief ends again and again. Only the name, the password and the client
    /// application of the credentials are used. Returns the cookies to clear, a part of the response; those of another user's
    /// live session stay.
    ///
    /// # Errors
    ///
    /// As [`login`](Self::login), with the same limits and the same response for an unknown user and a wrong password;
    /// [`ErrorKind::InvalidField`](crate::ErrorKind::InvalidField) for a new password against the policy.
    pub async fn change_password_without_session(
        &self,
        client: &ClientInfo,
        credentials: Credentials,
        new: impl Into<String>,
    ) -> Result<SetCookies, Error> {
        let changed = self.try_change_without_session(client, credentials, Secret::new(new.into())).await;
        changed.map_err(|error| Error::new(self.app(), error))
    }

    async fn try_change_without_session(
        &self,
        client: &ClientInfo,
        Credentials { username, password: current, client_id, .. }: Credentials,
        new: Secret<String>,
    ) -> Result<SetCookies, AppError> {
        let (app, now) = (self.app(), self.app().now());
        check_hash_capacity(app, client.ip(), &app.parts.metrics.password_changes)?;
        let (client_id, change) = (parse_client_id(client_id.as_deref())?, PasswordChange { current, new });
        password::change_password_by_login(app, username, client_id, change, client.to_core(), now).await?;
        Ok(clear_not_live(app, client.cookies(), CookieKind::ALL, now).await)
    }
}
