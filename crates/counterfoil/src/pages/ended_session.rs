//! Why the former session of a browser ended, for the holder of its genuine credential.
//!
//! The credential of another user or a guessed one gets the plain form, so the page reveals nothing about sessions of others.
//! The reason names no place and no device: the holder may be a thief.

use http::HeaderMap;

use counterfoil_core::model::session::{EndReason, Session};
use counterfoil_core::store::StoreError;
use counterfoil_jose::Time;
use counterfoil_pages::view::EndedSession;
use counterfoil_pages::{Message, Moment};

use crate::app::App;
use crate::http::presented_sessions::credentials_in_cookies;
use crate::http::set_cookie::SetCookies;
use crate::operations::presented_session::find_genuine;
use crate::settings::cookie_options::CookieKind;

/// Why the session of a cookie of this request ended, and the cookies that the answer clears, so that it is shown once.
pub(super) async fn find(app: &App, headers: &HeaderMap, now: Time) -> (Option<EndedSession>, SetCookies) {
    let mut cookies = SetCookies::new(&app.parts.cookies);
    let mut ended = None;
    let mut presented = credentials_in_cookies(app, headers, &CookieKind::ALL);
    // A browser sends one of each kind. More would be as many reads of the store, without a login.
    presented.truncate(CookieKind::ALL.len());
    for (kind, text) in presented {
        let found = match find_genuine(app, kind, text.expose(), now).await {
            Ok(Some(session)) => end_of(app, &session, now).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(end)) => {
                cookies = cookies.clear(kind);
                ended = ended.or(Some(end));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "why a session ended could not be read"),
        }
    }
    (ended, cookies)
}

async fn end_of(app: &App, session: &Session, now: Time) -> Result<Option<EndedSession>, StoreError> {
    let moment = |time: Time| Some(Moment::from_unix_seconds(time.unix_seconds()));
    if let Some(end) = session.ended {
        return Ok(Some(EndedSession { reason: Message::new(reason_id(end.reason)), at: moment(end.at) }));
    }
    if session.check_active(now).is_err() {
        let reason = Message::new(reason_id(session.expiry_reason()));
        return Ok(Some(EndedSession { reason, at: moment(session.ends_at()) }));
    }
    let context = app.parts.store.session_context(session.id).await?;
    let Some(context) = context.filter(|context| context.check_access().is_err()) else { return Ok(None) };
    // A client that is disabled says nothing of the account.
    let reason = if context.user.is_enabled() { "ended-revoked" } else { "ended-disabled" };
    Ok(Some(EndedSession { reason: Message::new(reason), at: None }))
}

const fn reason_id(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Logout => "ended-logout",
        EndReason::ByUser => "ended-by-user",
        EndReason::ByAdmin => "ended-by-admin",
        EndReason::RefreshReuseDetected => "ended-reuse",
        EndReason::Replaced => "ended-replaced",
        EndReason::SessionLimit => "ended-limit",
        EndReason::PasswordChanged => "ended-password",
        EndReason::UserDisabled => "ended-disabled",
        EndReason::UserChanged => "ended-user-changed",
        EndReason::RolesChanged => "ended-roles",
        EndReason::KeyCompromised => "ended-key",
        EndReason::Restored => "ended-restored",
        EndReason::Idle => "ended-idle",
        EndReason::Absolute => "ended-absolute",
        // `EndReason` is `non_exhaustive`.
        _ => "ended-revoked",
    }
}
