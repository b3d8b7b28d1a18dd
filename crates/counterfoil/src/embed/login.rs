//! Login, refresh, registration and logout from the application's own handlers.

use std::collections::BTreeSet;

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::session::{ClientInfo as CoreClientInfo, Mode, Session};
use counterfoil_core::model::user::User;
use counterfoil_core::services::account::{self, Registration};
use counterfoil_core::services::issuer::IssuedSession;
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{
    AcceptedCredentials, Authenticator as _, CredentialSource, PresentedCredential, Principal, SessionId,
    UserId, cookie_values,
};

use crate::app::App;
use crate::embed::Counterfoil;
use crate::embed::client_info::ClientInfo;
use crate::embed::credentials::Credentials;
use crate::embed::error::Error;
use crate::http::error::AppError;
use crate::http::presented_sessions::{
    credentials_in_cookies, multiple_credentials, reject_two_session_cookies, replaced_cookies,
};
use crate::http::scope::{parse_client_id, validate_audience, validate_scope};
use crate::http::set_cookie::{CredentialTooLarge, SetCookies};
use crate::operations::credential::IssuedCredential;
use crate::operations::error::OperationError;
use crate::operations::hash_capacity::check_hash_capacity;
use crate::operations::label::validate_label;
use crate::operations::{login, logout, refresh, register};
use crate::settings::cookie_options::CookieKind;

/// A login or a refresh that succeeded: the session, its user, and the credentials for the client.
#[derive(Debug)]
pub struct LoginOutcome {
    session: Session,
    user: User,
    credentials: Vec<IssuedCredential>,
    cookies: SetCookies,
}

impl LoginOutcome {
    /// The cookies for the browser: a part of the response. It also clears the cookies of a session that this login
    /// has replaced. Empty for [`Credentials::bearer`].
    pub fn cookies(&self) -> SetCookies {
        self.cookies.clone()
    }

    /// The user's id, the `sub` of tokens. It never changes and is never given to another user.
    pub fn user_id(&self) -> UserId {
        self.user.id
    }

    /// The username.
    pub fn username(&self) -> &str {
        self.user.username.as_str()
    }

    /// The roles of the user.
    pub fn roles(&self) -> &[String] {
        &self.user.roles
    }

    /// Whether the user should be asked for a new password: the present one was a temporary one of the system from which
    /// the user was imported. The session is as good as any other.
    pub fn password_change_required(&self) -> bool {
        self.user.password_change_required
    }

    /// The session's id, the `sid` of tokens.
    pub fn session_id(&self) -> SessionId {
        self.session.id
    }

    /// The mode of the session.
    pub fn mode(&self) -> Mode {
        self.session.mode()
    }

    /// When the session expires at the latest, in Unix seconds.
    pub fn expires_at(&self) -> u64 {
        self.session.expires_at.unix_seconds()
    }

    /// The session token (`cfs_…`), in mode [`Mode::Session`]. It is a secret: log and store it nowhere.
    pub fn session_token(&self) -> Option<&str> {
        self.token(CookieKind::Session)
    }

    /// The access token (a JWT, RFC 9068), in the modes [`Mode::Jwt`] and [`Mode::Hybrid`].
    pub fn access_token(&self) -> Option<&str> {
        self.token(CookieKind::Access)
    }

    /// The refresh token (`cfr_…`), in mode [`Mode::Hybrid`].
    pub fn refresh_token(&self) -> Option<&str> {
        self.token(CookieKind::Refresh)
    }

    fn token(&self, kind: CookieKind) -> Option<&str> {
        let credential = self.credentials.iter().find(|credential| credential.kind == kind);
        credential.map(|credential| credential.text.as_str())
    }

    pub(super) fn new(
        app: &App,
        issued: IssuedSession<Vec<IssuedCredential>>,
        replaced: Option<&ClientInfo>,
        now: Time,
    ) -> Result<Self, CredentialTooLarge> {
        let IssuedSession { session, credential: credentials, user } = issued;
        let cookies = SetCookies::new(&app.parts.cookies);
        let cookies = match replaced {
            None => cookies,
            Some(_) => cookies.set_all(&credentials, now)?,
        };
        Ok(Self { session, user, credentials, cookies })
    }
}

/// A user who registers.
///
/// ```
/// use counterfoil::NewUser;
///
/// let user = NewUser::new("ada", "correct horse").email("ada@shop.example");
/// assert!(!format!("{user:?}").contains("horse"));
/// ```
#[derive(Debug, Clone)]
pub struct NewUser {
    username: String,
    password: Secret<String>,
    email: Option<String>,
    external_id: Option<ExternalId>,
}

impl NewUser {
    /// A user with this name and password, without an e-mail address.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: Secret::new(password.into()),
            email: None,
            external_id: None,
        }
    }

    /// The e-mail address. It is a login name only after it is verified.
    #[must_use]
    pub fn email(self, email: impl Into<String>) -> Self {
        Self { email: Some(email.into()), ..self }
    }

    /// The application's own id of the user. No two users have the same. Tokens contain it as the claim `external_id`.
    #[must_use]
    pub fn external_id(self, external_id: ExternalId) -> Self {
        Self { external_id: Some(external_id), ..self }
    }
}

impl Counterfoil {
    /// Logs a user in. The sessions of the client's cookies end, and `cookies` of the outcome replace them.
    ///
    /// The password is hashed once, also if there is no such user. The login completes and is counted even if the client
    /// disconnects.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCredentials`](crate::ErrorKind::InvalidCredentials) for an unknown user, a wrong password and
    /// a disabled user alike; [`RateLimited`](crate::ErrorKind::RateLimited);
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the store fails or too many passwords wait to be hashed.
    ///
    /// ```no_run
    /// use axum::Form;
    /// use axum::extract::State;
    /// use axum::response::{IntoResponse, Redirect};
    /// use counterfoil::{ClientInfo, Counterfoil, Credentials, Error};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct LoginForm {
    ///     username: String,
    ///     password: String,
    /// }
    ///
    /// async fn log_in(
    ///     State(auth): State<Counterfoil>,
    ///     client: ClientInfo,
    ///     Form(form): Form<LoginForm>,
    /// ) -> Result<impl IntoResponse, Error> {
    ///     let login = auth.login(&client, Credentials::password(form.username, form.password)).await?;
    ///     Ok((login.cookies(), Redirect::to("/")))
    /// }
    /// ```
    pub async fn login(&self, client: &ClientInfo, credentials: Credentials) -> Result<LoginOutcome, Error> {
        let app = self.app();
        self.try_login(client, credentials).await.map_err(|error| Error::new(app, error))
    }

    async fn try_login(
        &self,
        client: &ClientInfo,
        credentials: Credentials,
    ) -> Result<LoginOutcome, AppError> {
        let app = self.app();
        let now = app.now_to_issue()?;
        check_hash_capacity(app, client.to_core().ip, &app.parts.metrics.logins)?;
        reject_two_session_cookies(app, client.cookies(), now).await?;
        let Credentials { username, password, mode, client_id, label, scope, audience, in_cookies } =
            credentials;
        let replaced = replaced_cookies(in_cookies);
        let request = login::LoginRequest {
            credentials: account::Credentials {
                username,
                password,
                client: parse_client_id(client_id.as_deref())?,
                mode,
            },
            label: label.as_deref().map(validate_label).transpose()?.flatten(),
            scope: scope.map(validate_scope).transpose()?,
            audience: audience.map(validate_audience).transpose()?,
            client_info: client.to_core(),
            in_cookies,
            replaced: credentials_in_cookies(app, client.cookies(), replaced),
        };
        let issued = login::login(app, request, now).await?;
        let mut outcome = LoginOutcome::new(app, issued, in_cookies.then_some(client), now)?;
        outcome.cookies = outcome.cookies.clear_presented_of(replaced, client.cookies());
        Ok(outcome)
    }

    /// Registers a user, if the settings allow it. The user is not logged in.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UsernameTaken`](crate::ErrorKind::UsernameTaken);
    /// [`InvalidField`](crate::ErrorKind::InvalidField) for a name or password against the rules.
    pub async fn register(&self, client: &ClientInfo, user: NewUser) -> Result<UserId, Error> {
        let NewUser { username, password, email, external_id } = user;
        // Only an operator or an administrator gives roles.
        let new = Registration {
            username,
            password,
            email,
            external_id: external_id.map(|id| id.to_json()),
            roles: Vec::new(),
        };
        let registered = register::register(self.app(), new, client.to_core()).await;
        registered.map(|user| user.id).map_err(|error| Error::new(self.app(), error))
    }

    /// Exchanges the refresh token in the client's cookies for the next pair of tokens, in cookies again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCredential`](crate::ErrorKind::InvalidCredential) without a token, or with
    /// one that is wrong, expired or used: a used one ends its session.
    pub async fn refresh(&self, client: &ClientInfo) -> Result<LoginOutcome, Error> {
        let app = self.app();
        let tokens: BTreeSet<&str> =
            cookie_values(client.cookies(), app.parts.cookies.names().refresh()).collect();
        if tokens.len() > 1 {
            let accepted = AcceptedCredentials::REFRESH_TOKEN;
            let error = multiple_credentials(app, client.cookies(), accepted, app.now()).await;
            return Err(Error::new(app, error));
        }
        let token = tokens.first().copied().unwrap_or_default();
        self.refresh_with(client, token, Some(client)).await
    }

    /// Exchanges this refresh token (`cfr_…`), which a client has sent otherwise than in a cookie, for the next pair of
    /// tokens.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh).
    pub async fn refresh_token(&self, client: &ClientInfo, token: &str) -> Result<LoginOutcome, Error> {
        self.refresh_with(client, token, None).await
    }

    async fn refresh_with(
        &self,
        client: &ClientInfo,
        token: &str,
        cookies_of: Option<&ClientInfo>,
    ) -> Result<LoginOutcome, Error> {
        let app = self.app();
        let malformed = |_| Error::new(app, ClientError::from(InvalidCredential::Malformed));
        let token: RefreshToken = token.parse().map_err(malformed)?;
        let now = app.now_to_issue().map_err(|error| Error::new(app, error))?;
        let issued = refresh::refresh(app, &token, None, cookies_of.is_some(), &client.to_core(), now).await;
        let issued = issued.map_err(|error| Error::new(app, error))?;
        LoginOutcome::new(app, issued, cookies_of, now).map_err(|error| Error::new(app, error))
    }

    /// Verifies a credential that did not come in a header or cookie, for example in the first message of a WebSocket: a
    /// session token or an access token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCredential`](crate::ErrorKind::InvalidCredential);
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if it cannot be verified at present.
    pub async fn authenticate(&self, credential: &str) -> Result<Principal, Error> {
        let app = self.app();
        let presented = match credential.starts_with(SessionToken::PREFIX) {
            true => PresentedCredential::SessionToken(credential),
            false => PresentedCredential::AccessToken(credential),
        };
        let verified = app.parts.authenticator.authenticate(presented, app.now()).wait().await;
        verified.map_err(|error| Error::new(app, AppError::auth(error, CredentialSource::Bearer)))
    }

    /// Ends the sessions of all cookies of the client in their users' names, as `POST /v1/logout` does: also with an
    /// expired access token, and the session of a refresh token. Returns the cookies to clear, a part of the response.
    ///
    /// A logout route uses this one: after the access token has expired there is no [`Principal`], but the session
    /// continues.
    ///
    /// # Errors
    ///
    /// As [`logout`](Self::logout).
    pub async fn logout_client(&self, client: &ClientInfo) -> Result<SetCookies, Error> {
        let app = self.app();
        let now = app.now();
        let ended = async {
            let mut sessions = BTreeSet::new();
            // The refresh token first: a narrowed access token of the same session is then no error.
            let kinds = [CookieKind::Refresh, CookieKind::Session, CookieKind::Access];
            for (kind, text) in credentials_in_cookies(app, client.cookies(), &kinds) {
                let text = text.expose();
                sessions.extend(logout::find_by_credential(app, kind, text, &sessions, now).await?);
            }
            Ok::<_, OperationError>(logout::log_out(app, sessions, &client.to_core(), now).await?)
        };
        ended.await.map_err(|error| Error::new(app, error))?;
        Ok(SetCookies::new(&app.parts.cookies).clear_all())
    }

    /// Ends the session of `principal` in the user's name. Returns the cookies to clear, a part of the response.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if the end is not durable: then the user is not logged
    /// out, and the response must not say so. [`NotAllowed`](crate::ErrorKind::NotAllowed) for a token that an exchange
    /// limited to a scope without `counterfoil:account`.
    ///
    /// ```no_run
    /// use axum::extract::State;
    /// use axum::response::{IntoResponse, Redirect};
    /// use counterfoil::{Counterfoil, Error, Principal};
    ///
    /// async fn log_out(State(auth): State<Counterfoil>, user: Principal) -> Result<impl IntoResponse, Error> {
    ///     Ok((auth.logout(&user).await?, Redirect::to("/")))
    /// }
    /// ```
    pub async fn logout(&self, principal: &Principal) -> Result<SetCookies, Error> {
        let app = self.app();
        let ended = async {
            let session = logout::find_by_principal(app, principal).await?.into_iter().collect();
            Ok::<_, OperationError>(
                logout::log_out(app, session, &CoreClientInfo::default(), app.now()).await?,
            )
        };
        ended.await.map_err(|error| Error::new(app, error))?;
        Ok(SetCookies::new(&app.parts.cookies).clear_all())
    }
}
