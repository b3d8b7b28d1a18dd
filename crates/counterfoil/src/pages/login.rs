//! `/login`: the form to sign in.

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_core::model::user::User;
use counterfoil_core::services::account::Credentials;
use counterfoil_core::services::issuer::IssuedSession;
use counterfoil_jose::Time;
use counterfoil_pages::Message;
use counterfoil_pages::view::{EndedSession, FormErrors, LoginView, SignedInView};
use counterfoil_verify::{ClientId, UserId};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::presented_sessions::{
    credentials_in_cookies, find_live_by_cookies, reject_two_session_cookies, replaced_cookies,
};
use crate::http::redirect::{account_path, encode, redirect_to_path};
use crate::http::return_to::ReturnTo;
use crate::http::scope::parse_client_id;
use crate::http::set_cookie::SetCookies;
use crate::operations::activity::untold_reuse;
use crate::operations::credential::IssuedCredential;
use crate::operations::hash_capacity::check_hash_capacity;
use crate::operations::login as operation;
use crate::operations::presented_session::PresentedSession;
use crate::pages::ended_session;
use crate::pages::form_errors::{Form, form_errors};
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;
use crate::pages::response::{continue_path, error_page, page, redirect, security_path};
use crate::settings::cookie_options::CookieKind;
use crate::settings::registration::Registration;

/// The fields of the form.
const FIELDS: [&str; 5] = ["username", "password", "remember", "return_to", "client"];

/// What the form has besides the name and the password.
pub(super) struct LoginForm {
    username: String,
    remember: bool,
    return_to: Option<ReturnTo>,
    client: Option<String>,
}

impl LoginForm {
    fn view(&self, app: &App, ended: Option<EndedSession>, errors: FormErrors) -> LoginView {
        let settings = app.settings();
        LoginView {
            destination: self.return_to.as_ref().map(ReturnTo::to_destination),
            client: self.client.clone(),
            username: self.username.clone(),
            remember: self.remember,
            can_register: settings.registration == Registration::Open
                && app.parts.application_users.is_none(),
            help_url: settings.pages.help_url.clone(),
            ended,
            errors,
        }
    }
}

/// Shows the form, and why the former session of this browser ended. A user who is signed in continues, unless `reauth=1`
/// asks for the form.
pub(super) async fn show(
    State(app): State<App>,
    request: PageRequest,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let return_to = query.return_to(&app);
    let now = app.now();
    let kinds = [CookieKind::Session, CookieKind::Access];
    if query.get("reauth") != Some("1")
        && let Some(live) =
            find_live_by_cookies(&app, &headers, &kinds, now).await.ok().and_then(|mut it| it.pop_first())
    {
        return show_signed_in(&app, &request, live.user, return_to).await;
    }
    let (ended, cookies) = ended_session::find(&app, &headers, now).await;
    let form = LoginForm {
        username: String::new(),
        remember: true,
        return_to,
        client: query.get("client").map(str::to_owned),
    };
    let view = form.view(&app, ended, FormErrors::default());
    let response = page(&app, &request, &request.frame(&app, None), &view)?;
    Ok((cookies, response).into_response())
}

/// A path of this origin is opened at once. Another origin is only a link: applications that send the user back here would
/// otherwise make a loop.
async fn show_signed_in(
    app: &App,
    request: &PageRequest,
    user: UserId,
    return_to: Option<ReturnTo>,
) -> Result<Response, AppError> {
    let return_to = match return_to {
        None => return Ok(redirect_to_path(&account_path(app.settings()))),
        Some(path) if !path.is_other_origin() => return Ok(redirect(app, &path)),
        Some(other_origin) => other_origin,
    };
    let username =
        app.parts.store.user(user).await?.map(|user| user.username.to_string()).unwrap_or_default();
    let (prefix, target) = (app.settings().public_prefix(), encode(return_to.as_str()));
    let view = SignedInView {
        username,
        destination: return_to.to_destination(),
        continue_url: continue_path(app, &return_to),
        other_account_url: format!("{prefix}/login?reauth=1&return_to={target}"),
    };
    page(app, request, &request.frame(app, None), &view)
}

/// Signs in: the same operation as `POST /v1/login` with the transport `cookie`.
pub(super) async fn submit(
    State(app): State<App>,
    page: PageRequest,
    client: ClientInfo,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, AppError> {
    check_hash_capacity(&app, client.ip, &app.parts.metrics.logins)?;
    let fields = FormFields::read(request, &app, &FIELDS).await?;
    let form = LoginForm {
        username: fields.text("username"),
        remember: fields.get("remember").is_some(),
        return_to: fields.get("return_to").and_then(|text| ReturnTo::parse(text, app.settings())),
        client: fields.get("client").map(str::to_owned),
    };
    let now = app.now();
    match sign_in(&app, &fields, client, &headers).await {
        Ok((response, user)) => Ok((response, continue_to(&app, &form, &user).await).into_response()),
        Err(error) => {
            let errors = missing(&fields).or_else(|| form_errors(&error, Form::Login, now));
            let Some(errors) = errors else { return Err(error) };
            let view = form.view(&app, None, errors);
            Ok(error_page(page.language, &page.frame(&app, None), error, &view))
        }
    }
}

/// Which fields are empty.
fn missing(fields: &FormFields) -> Option<FormErrors> {
    let required = [("username", "enter-username"), ("password", "enter-password")];
    let empty = required.into_iter().filter(|(name, _)| fields.get(name).is_none());
    let errors = empty.flat_map(|(name, id)| FormErrors::field(name, Message::new(id)).fields).collect();
    Some(FormErrors { general: Vec::new(), fields: errors }).filter(|errors| !errors.is_empty())
}

/// Where the user arrives: a reuse of a refresh token is told first, then that the password is a temporary one.
async fn continue_to(app: &App, form: &LoginForm, user: &User) -> Response {
    let target = match user.password_change_required {
        true => ReturnTo::path(security_path(app, form.return_to.as_ref())),
        false => form.return_to.clone().unwrap_or_else(|| ReturnTo::path(account_path(app.settings()))),
    };
    match untold_reuse(app, user.id).await {
        Ok(Some(_)) => {
            let prefix = app.settings().public_prefix();
            redirect_to_path(&format!("{prefix}/account/reuse?return_to={}", encode(target.as_str())))
        }
        Ok(None) => redirect(app, &target),
        Err(error) => {
            tracing::warn!(%error, "whether a refresh token was used twice could not be read");
            redirect(app, &target)
        }
    }
}

/// The parts of the response: the session for the log, and the cookies.
type SignedIn = ((Extension<PresentedSession>, SetCookies), User);

async fn sign_in(
    app: &App,
    fields: &FormFields,
    client_info: ClientInfo,
    headers: &HeaderMap,
) -> Result<SignedIn, AppError> {
    if missing(fields).is_some() {
        return Err(AppError::field("username", "and `password` must not be empty"));
    }
    let client = parse_client_id(fields.get("client"))?;
    let credentials = Credentials {
        username: fields.text("username"),
        password: fields.secret("password"),
        mode: browser_mode(app, &client).await?,
        client,
    };
    let now = app.now_to_issue()?;
    let issued = log_in(app, credentials, client_info, headers, now).await?;
    let cookies = SetCookies::new(&app.parts.cookies);
    let cookies = if fields.get("remember").is_some() { cookies } else { cookies.until_browser_closes() };
    let cookies = cookies.set_all(&issued.credential, now)?;
    let cookies = cookies.clear_presented_of(replaced_cookies(true), headers).clear_mark(headers);
    let presented = PresentedSession::from_session(&issued.session);
    Ok(((Extension(presented), cookies), issued.user))
}

/// Logs in with the transport `cookie`.
async fn log_in(
    app: &App,
    credentials: Credentials,
    client_info: ClientInfo,
    headers: &HeaderMap,
    now: Time,
) -> Result<IssuedSession<Vec<IssuedCredential>>, AppError> {
    reject_two_session_cookies(app, headers, now).await?;
    let request = operation::LoginRequest {
        credentials,
        label: None,
        scope: None,
        audience: None,
        client_info,
        in_cookies: true,
        replaced: credentials_in_cookies(app, headers, replaced_cookies(true)),
    };
    Ok(operation::login(app, request, now).await?)
}

/// The mode of a browser login: a session, or for a client that may not have one, what it may. An unknown client is the
/// error of the login.
async fn browser_mode(app: &App, client: &ClientId) -> Result<Mode, AppError> {
    let client = app.parts.store.client(client).await?;
    let allowed = client.and_then(|client| {
        [Mode::Session, Mode::Hybrid, Mode::Jwt].into_iter().find(|mode| client.allows(*mode))
    });
    Ok(allowed.unwrap_or_default())
}

/// Signs in the user of a new account, and continues.
pub(super) async fn after_registration(
    app: &App,
    credentials: Credentials,
    return_to: Option<ReturnTo>,
    client_info: ClientInfo,
    headers: &HeaderMap,
) -> Result<Response, AppError> {
    let now = app.now_to_issue()?;
    let mode = browser_mode(app, &credentials.client).await?;
    let issued = log_in(app, Credentials { mode, ..credentials }, client_info, headers, now).await?;
    let cookies = SetCookies::new(&app.parts.cookies).set_all(&issued.credential, now)?;
    let cookies = cookies.clear_presented_of(replaced_cookies(true), headers).clear_mark(headers);
    let presented = PresentedSession::from_session(&issued.session);
    let target = return_to.unwrap_or_else(|| ReturnTo::path(account_path(app.settings())));
    Ok((Extension(presented), cookies, redirect(app, &target)).into_response())
}
