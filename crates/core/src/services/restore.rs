//! A store that was put back from a backup: what makes it safe to be served.
//!
//! A backup knows nothing of what was revoked after it was made. So nothing that was given before is good any
//! more, and whoever has followed the log hears that another one has begun.

use counterfoil_jose::{Algorithm, SealingKey, Time};
use counterfoil_verify::{KeyId, LogId, Position, Subject};

use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::model::session::{ClientInfo, EndReason};
use crate::services::InternalError;
use crate::services::administration::horizon_of;
use crate::services::issuer::EXCHANGED;
use crate::services::keys::active_keys::{ActiveKeys, new_signing};
use crate::store::{Change, CommitOutcome, CutoffScope, Store};

/// How far the new log begins above everything that was seen, in positions. Whatever the lost part of the former
/// log has drawn lies below: it would take seven weeks of one position each millisecond to come so far.
const FAR: u64 = 1 << 32;

/// How a store is to be taken up again.
#[derive(Debug, Clone, Copy)]
pub struct RestoreRequest {
    /// The id of the log that begins.
    pub log: LogId,
    /// The highest position that anybody is known to have seen.
    pub seen: Position,
    /// What is spared.
    pub spared: KeptOnRestore,
    /// When.
    pub now: Time,
}

/// Which logins of the backup live on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeptOnRestore {
    /// None: everybody logs in again.
    #[default]
    Nothing,
    /// Cookie sessions. Those that were ended after the backup was made live again, and so does what a thief of
    /// one has in hand; access and refresh tokens are dead all the same.
    CookieSessions,
}

/// What was done.
#[derive(Debug, Clone)]
#[must_use]
pub struct RestoreOutcome {
    /// The head of the new log, and the mark of everyone.
    pub head: Position,
    /// The key that signs from here on.
    pub key: KeyId,
    /// The signing keys that are revoked.
    pub revoked_keys: Vec<KeyId>,
    /// The admin keys that are removed: one that was removed after the backup was made must not live again.
    pub removed_admin_keys: Vec<AdminKeyRecord>,
}

/// Takes up a store that was put back: another log far above what was seen, every signing key revoked and a new
/// one made, every admin key removed, and a mark for everyone, in one commit. `also` is committed with it.
///
/// # Errors
///
/// [`InternalError::Keys`] if the master key does not open the keys of the store; then nothing was changed.
pub async fn take_up(
    store: &dyn Store,
    (master, algorithm): (&SealingKey, Algorithm),
    wanted: RestoreRequest,
    also: Vec<Change>,
) -> Result<RestoreOutcome, InternalError> {
    // Opens every key that is still good, so that what cannot be opened is found before anything is changed.
    let ring = ActiveKeys::open(store, master, algorithm, wanted.now).await.map_err(InternalError::Keys)?;
    let now = wanted.now;
    let new = new_signing(ring.signing().algorithm(), master, now).map_err(InternalError::Keys)?.in_use(now);
    let key = new.id.clone();
    let keys: Vec<_> = store.keys().await?.into_iter().filter(still_signs).collect();
    let removed_admin_keys = store.admin_keys().await?;
    let revoked_keys = keys.iter().map(|key| key.id.clone()).collect();

    let mut changes = vec![begin_log(store.head().await?, &wanted)];
    changes.extend(keys.iter().flat_map(|key| revocation(key, now)));
    changes.push(Change::InsertKey(Box::new(new)));
    changes.push(record(event(AuditEventKind::KeyMade, now).telling(key.to_string())));
    for key in &removed_admin_keys {
        changes.push(Change::RemoveAdminKey(key.id));
        let told = event(AuditEventKind::AdminKeyRemoved, now).because(EndReason::Restored);
        changes.push(record(told.telling(key.id.to_string())));
    }
    // Whatever signed it, a key of after the backup too, which we do not know.
    let until = horizon_of(store, EXCHANGED).await?.until(now);
    changes.push(append(Subject::Everyone, Some(until), now));
    changes.extend(everyones_end(wanted.spared, now));
    changes.extend(also);
    match store.commit(&changes).await? {
        CommitOutcome::Applied(_) => {
            Ok(RestoreOutcome { head: store.head().await?, key, revoked_keys, removed_admin_keys })
        }
        // Nobody else has the store open.
        CommitOutcome::Conflict(_) => Err(InternalError::Contention),
    }
}

fn still_signs(key: &KeyRecord) -> bool {
    key.purpose == KeyPurpose::Signing && key.state.is_live()
}

/// The new log, far above the head of the backup, above what was seen, and above the time.
fn begin_log(kept: Position, wanted: &RestoreRequest) -> Change {
    let highest = kept.max(wanted.seen).number().max(wanted.now.unix_ms());
    Change::StartRevocationLog { id: wanted.log, after: Position::new(highest.saturating_add(FAR)) }
}

fn revocation(key: &KeyRecord, now: Time) -> [Change; 3] {
    [
        Change::ReplaceKey(Box::new(key.in_state(KeyState::Revoked, now))),
        append(Subject::Key(key.id.clone()), None, now),
        record(
            event(AuditEventKind::KeyRevoked, now).because(EndReason::Restored).telling(key.id.to_string()),
        ),
    ]
}

/// The mark of everyone, with the line of the journal that says whom it spares.
fn everyones_end(spared: KeptOnRestore, now: Time) -> Vec<Change> {
    let told = event(AuditEventKind::Restored, now).because(EndReason::Restored);
    let mark = Change::SetCutoff(CutoffScope::Everyone);
    match spared {
        KeptOnRestore::Nothing => vec![mark, record(told.telling("every session ended"))],
        KeptOnRestore::CookieSessions => {
            vec![Change::RefreshCookiePositions, mark, record(told.telling("cookie sessions were kept"))]
        }
    }
}

fn append(subject: Subject, until: Option<Time>, now: Time) -> Change {
    Change::AppendRevocation { subject, cause: EndReason::Restored, at: now, until }
}

fn event(kind: AuditEventKind, now: Time) -> AuditEvent {
    AuditEvent::by(kind, Actor::Operator, &ClientInfo::default(), now)
}

fn record(event: AuditEvent) -> Change {
    Change::Record(Box::new(event))
}
