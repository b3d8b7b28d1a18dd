//! `POST /v1/login`: one login, and the client's half in one of three forms.

use std::collections::BTreeSet;

use axum::extract::{FromRequestParts, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::HeaderMap;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode, Session};
use counterfoil_core::model::user::User;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::{self, AuthenticatedUser};
use counterfoil_core::services::issuer::{IssuedSession, NewSession};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{AcceptedCredentials, ClientId, CredentialSource, cookie_values};

use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::error::AppError;
use crate::http::json_body::{StrictJson, secret};
use crate::http::presented_sessions::{self, Login};
use crate::http::set_cookie::{Kind, SetCookies};
use crate::routes::answers::{Carrier, Credentials, ModeName, SessionView, UserView};
use crate::routes::responses::{
    BadRequest, Forbidden, InvalidFields, TooLarge, TooManyRequests, TooSlow, Unauthorized, Unavailable,
    UnsupportedType,
};
use crate::runtime::task::run_detached;

/// The most characters of a label.
const LONGEST_LABEL: usize = 64;

/// What somebody logs in with, and what for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginForm {
    /// A username, or a verified e-mail address.
    username: String,
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    #[serde(default)]
    #[schema(value_type = Option<ModeName>)]
    mode: Mode,
    #[serde(default)]
    carrier: Carrier,
    /// The client application; `default` if none is named.
    client_id: Option<String>,
    /// What the user calls the device: at most 64 characters.
    label: Option<String>,
}

/// A login.
#[derive(Serialize, ToSchema)]
pub(super) struct SignedIn {
    user: UserView,
    session: SessionView,
    #[serde(flatten)]
    credentials: Credentials,
}

/// Logs in. A live login of the same browser is ended by it.
#[utoipa::path(
    post, path = "/v1/login", tag = "public", request_body = LoginForm,
    responses(
        (status = 200, description = "Logged in", body = SignedIn),
        BadRequest, Unauthorized, Forbidden, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn login(
    State(app): State<App>,
    _: Room,
    Whence(from): Whence,
    headers: HeaderMap,
    StrictJson(form): StrictJson<LoginForm>,
) -> Result<impl IntoResponse, AppError> {
    let now = app.now_to_issue()?;
    expect_one_session_cookie(&app, &headers, now).await?;
    let label = form.label.map(judge_label).transpose()?;
    let credentials = account::Credentials {
        username: form.username,
        password: form.password,
        client: client_of(form.client_id.as_deref())?,
        mode: form.mode,
    };
    let (carrier, mode) = (form.carrier, form.mode);
    let (app, headers, opened) = run_detached(async move {
        let opened = sign_in(&app, &headers, credentials, Wish { carrier, mode, label }, from, now).await;
        (app, headers, opened)
    })
    .await;
    let opened = app.tally.logins.count(opened)?;

    let (cookies, credentials) = opened.credential.carried(carrier, SetCookies::none(app.cookie_names))?;
    let cookies = clear_former(cookies, carrier, &headers, &app);
    let body =
        SignedIn { user: UserView::of(&opened.user), session: SessionView::of(&opened.session), credentials };
    Ok((Extension(Login::of(&opened.session)), cookies, Json(body)))
}

/// Room for one more password. It is asked for before the body is read: in a storm, those who have to come back cost
/// us their answer and no more, and everybody else is served meanwhile.
pub(super) struct Room;

impl FromRequestParts<App> for Room {
    type Rejection = AppError;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, AppError> {
        let Err(busy) = app.hashing.check_capacity() else { return Ok(Self) };
        app.tally.logins.count(Err(ServiceError::from(busy).into()))
    }
}

/// What a login is to be like.
struct Wish {
    carrier: Carrier,
    mode: Mode,
    label: Option<String>,
}

/// Judges the credentials, opens the login, and ends those that it takes the place of.
async fn sign_in(
    app: &App,
    headers: &HeaderMap,
    credentials: account::Credentials,
    wish: Wish,
    from: ClientInfo,
    now: Time,
) -> Result<IssuedSession<Credentials>, AppError> {
    let judged = app.accounts.authenticate(&credentials, &from, now).await?;
    // Only who has proved who they are ends anything.
    let mut former = former_logins(app, headers, wish.carrier, now).await?;
    let replaces = former.pop_first().map(|login| login.session);
    let max_token_length = match wish.carrier {
        Carrier::Body => None,
        Carrier::Cookie => Some(Kind::Access.room(&app.cookie_names)),
    };
    let opening = NewSession { client_info: from.clone(), label: wish.label, replaces, max_token_length };
    let opened = open(app, wish.mode, judged, opening, now).await?;
    end_others(app, former, &from, now).await?;
    Ok(opened)
}

/// The three verbs of the issuer: the one place that asks which.
async fn open(
    app: &App,
    mode: Mode,
    judged: AuthenticatedUser,
    opening: NewSession,
    now: Time,
) -> Result<IssuedSession<Credentials>, ServiceError> {
    match mode {
        Mode::Session => {
            let IssuedSession { session, credential, user } =
                app.issuer.issue_session(judged, opening, now).await?;
            Ok(carry_away(Credentials::of_session(&credential, &session, now), session, user))
        }
        Mode::Jwt => {
            let IssuedSession { session, credential, user } =
                app.issuer.issue_access_token(judged, opening, now).await?;
            Ok(carry_away(Credentials::of_access(&credential, now), session, user))
        }
        Mode::Hybrid => {
            let IssuedSession { session, credential, user } =
                app.issuer.issue_token_pair(judged, opening, now).await?;
            Ok(carry_away(Credentials::of_pair(&credential, now), session, user))
        }
    }
}

fn carry_away(credential: Credentials, session: Session, user: User) -> IssuedSession<Credentials> {
    IssuedSession { session, credential, user }
}

/// Two session cookies of different values are resolved by nobody, here neither.
async fn expect_one_session_cookie(app: &App, headers: &HeaderMap, now: Time) -> Result<(), AppError> {
    let values: BTreeSet<&str> = cookie_values(headers, app.cookie_names.session).collect();
    if values.len() > 1 {
        return Err(
            presented_sessions::ambiguous(app, headers, AcceptedCredentials::SESSION_TOKEN, now).await
        );
    }
    Ok(())
}

/// The kinds of cookie whose login a new one takes the place of. A login that is carried as cookies takes the
/// place of whatever this browser carried before: left alone, an old cookie would contradict the new one.
const fn taken_over(carrier: Carrier) -> &'static [Kind] {
    match carrier {
        Carrier::Body => &[Kind::Session],
        Carrier::Cookie => &Kind::ALL,
    }
}

async fn former_logins(
    app: &App,
    headers: &HeaderMap,
    carrier: Carrier,
    now: Time,
) -> Result<BTreeSet<Login>, AppError> {
    presented_sessions::live_behind(app, headers, taken_over(carrier), now)
        .await
        .map_err(|denied| AppError::denied(denied, CredentialSource::Cookie))
}

fn clear_former(cookies: SetCookies, carrier: Carrier, headers: &HeaderMap, app: &App) -> SetCookies {
    let kinds = taken_over(carrier).iter();
    kinds
        .filter(|kind| crate::http::set_cookie::is_shown(**kind, &app.cookie_names, headers))
        .fold(cookies, |cookies, kind| cookies.clear(*kind))
}

/// A browser that shows several logins, as ours never does, is left with the new one alone.
async fn end_others(
    app: &App,
    others: BTreeSet<Login>,
    from: &ClientInfo,
    now: Time,
) -> Result<(), ServiceError> {
    for Login { session, user } in others {
        let reason = RevocationContext {
            actor: Actor::User(user),
            reason: EndReason::Replaced,
            client_info: from.clone(),
        };
        app.revoker.end_session(session, &reason, now).await?;
    }
    Ok(())
}

fn client_of(named: Option<&str>) -> Result<ClientId, AppError> {
    named
        .map_or_else(|| Ok(ClientId::default()), str::parse)
        .map_err(|_| AppError::field("client_id", "is to be 1 to 128 visible ASCII characters"))
}

fn judge_label(label: String) -> Result<String, AppError> {
    if label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(AppError::field("label", "is to be at most 64 characters, none of them a control"));
    }
    Ok(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_short_and_holds_no_controls() {
        assert!(judge_label("📱".repeat(64)).is_ok());
        for bad in ["a".repeat(65), "a\nb".into(), "\u{9b}31m".into()] {
            assert!(judge_label(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
