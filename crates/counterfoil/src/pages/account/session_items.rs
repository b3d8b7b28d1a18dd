//! Sessions, as the account shows them.

use counterfoil_core::model::session::{Mode, Session, SessionCredential};
use counterfoil_jose::Time;
use counterfoil_pages::view::{self, Carried, SessionItem};
use counterfoil_pages::{Device, Moment};
use counterfoil_verify::{ClientId, SessionId};

/// A session of the signed-in user, whose page is opened in the session `current`.
pub(super) fn session_item(session: &Session, current: SessionId, now: Time) -> SessionItem {
    let moment = |time: Time| Moment::from_unix_seconds(time.unix_seconds());
    let is_current = session.id == current;
    SessionItem {
        id: session.id.to_string(),
        device: device_of(session),
        is_current,
        ip: session.client_info.ip.map(|ip| ip.to_string()),
        client: Some(session.client.to_string()).filter(|_| session.client != ClientId::default()),
        signed_in: moment(session.authenticated_at),
        seen: moment(session.seen_at),
        idle_end: moment(session.ends_at()),
        end: moment(session.expires_at),
        left: left(session, now),
        carried: carried(session),
    }
}

/// The device of a session.
pub(super) fn device_of(session: &Session) -> Device {
    Device::new(session.label.as_deref(), session.client_info.user_agent.as_deref())
}

fn carried(session: &Session) -> Carried {
    let mode = match session.mode() {
        Mode::Session => view::Mode::Session,
        Mode::Jwt => view::Mode::Jwt,
        Mode::Hybrid => view::Mode::Hybrid,
    };
    let rotation = match session.credential {
        SessionCredential::Refresh { counter, .. } => Some(counter),
        SessionCredential::Cookie(_) | SessionCredential::AccessOnly => None,
    };
    Carried { mode, rotation }
}

/// The part of the longest life that is left, in percent.
fn left(session: &Session, now: Time) -> u8 {
    let seconds = |time: Time| time.unix_seconds();
    let life = seconds(session.expires_at).saturating_sub(seconds(session.authenticated_at)).max(1);
    let left = seconds(session.expires_at).saturating_sub(seconds(now)).min(life);
    u8::try_from(left * 100 / life).unwrap_or(100)
}
