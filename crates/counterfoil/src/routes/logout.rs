//! `POST /v1/logout`: whatever is shown, the login behind it ends.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::credentials::Credentials;
use counterfoil_verify::{Presented, Reads, credentials};

use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::error::AppError;
use crate::http::json_body::StrictJson;
use crate::http::presented_sessions::{self, Login};
use crate::http::set_cookie::{Kind, SetCookies};
use crate::routes::refresh::some_secret;
use crate::routes::responses::{
    BadRequest, Forbidden, InvalidFields, TooLarge, TooManyRequests, TooSlow, Unavailable, UnsupportedType,
};

/// W3C Clear Site Data, section 3.1.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// All kinds.
const READS: Reads = Reads::ANY_CREDENTIAL.and_refresh();

/// What may name a login where no cookie or bearer does.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogoutForm {
    /// `cfr_…`, of any turn.
    #[serde(default, deserialize_with = "some_secret")]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret<String>>,
}

/// Ends the login that is shown. Who shows none, or one that has ended, is logged out already.
#[utoipa::path(
    post, path = "/v1/logout", tag = "public", request_body = Option<LogoutForm>,
    responses(
        (status = 204, description = "Logged out; our cookies that were shown are cleared"),
        BadRequest, Forbidden, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn logout(
    State(app): State<App>,
    Whence(from): Whence,
    headers: HeaderMap,
    form: Option<StrictJson<LogoutForm>>,
) -> Result<impl IntoResponse, AppError> {
    let now = app.now();
    let named = form.and_then(|StrictJson(form)| form.refresh_token);
    let logins = named_logins(&app, &headers, named.as_ref(), now).await?;

    // If one cannot be made durable the cookies are kept: the client is not told that it is logged out.
    for Login { session, user } in logins {
        let reason =
            RevocationContext { actor: Actor::User(user), cause: EndReason::Logout, from: from.clone() };
        app.revoker.end(session, &reason, now).await?;
    }
    let cookies = SetCookies::none(app.cookie_names).clear_shown(&headers);
    Ok((StatusCode::NO_CONTENT, cookies, site_data(app.settings.clear_site_data_on_logout)))
}

/// What a browser is told to forget besides our cookies. Service workers and caches hold what only the user saw.
fn site_data(is_cleared: bool) -> HeaderMap {
    let site = HeaderValue::from_static(r#""cookies","storage""#);
    is_cleared.then_some((CLEAR_SITE_DATA, site)).into_iter().collect()
}

/// The logins that the request names by what only their clients have.
async fn named_logins(
    app: &App,
    headers: &HeaderMap,
    named: Option<&Secret<String>>,
    now: Time,
) -> Result<BTreeSet<Login>, AppError> {
    let Ok(found) = credentials::read_all(headers, &app.cookie_names, READS) else {
        return Err(presented_sessions::ambiguous(app, headers, READS, now).await);
    };
    let cookie = found.refresh.map(|refresh| refresh.0);
    let named = named.map(|named| named.expose().as_str());
    if cookie.is_some() && named.is_some() && cookie != named {
        return Err(presented_sessions::ambiguous(app, headers, READS, now).await);
    }
    let mut logins = BTreeSet::new();
    logins.extend(by_credential(app, &found, now).await?);
    if let Some(text) = cookie.or(named) {
        logins.extend(presented_sessions::named_by_refresh(app, text).await?);
    }
    Ok(logins)
}

/// The login of a session or access token. An access token that has expired still says whose it was.
async fn by_credential(app: &App, found: &Credentials<'_>, now: Time) -> Result<Option<Login>, AppError> {
    match found.presented {
        Presented::None => Ok(None),
        Presented::Session(text) => presented_sessions::live(app, Kind::Session, text, now)
            .await
            .map_err(|denied| AppError::denied(denied, found.shown)),
        Presented::Access(text) => {
            let authentic = app.verifier.tokens().verify_even_if_expired(text, now);
            Ok(authentic.ok().as_ref().and_then(Login::of_principal))
        }
    }
}
