//! A store that was put back from a backup: what makes it safe to be served.
//!
//! A backup knows nothing of what was revoked after it was made. So nothing that was given before is good any
//! more, and whoever has followed the log hears that another one has begun.

use counterfoil_jose::{Algorithm, SealingKey, Time};
use counterfoil_verify::{KeyId, RevocationLogId, RevocationPosition, RevocationSubject};

use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::model::session::{ClientInfo, EndReason};
use crate::services::InternalError;
use crate::services::administration::load_retention;
use crate::services::issuer::MAX_EXCHANGED_LIFETIME;
use crate::services::keys::active_keys::{ActiveKeys, new_signing};
use crate::store::{Change, CommitOutcome, CutoffScope, Store};

/// How far the new log begins above everything that was seen, in positions. Whatever the lost part of the former
/// log has drawn lies below: it would take seven weeks of one position each millisecond to come so far.
const POSITION_GAP: u64 = 1 << 32;

/// How a store is to be taken up again.
#[derive(Debug, Clone, Copy)]
pub struct RestoreRequest {
    /// The id of the log that begins.
    pub revocation_log_id: RevocationLogId,
    /// The highest position that anybody is known to have seen.
    pub highest_seen: RevocationPosition,
    /// What is spared.
    pub kept: KeptOnRestore,
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
    pub revocation_log_head: RevocationPosition,
    /// The key that signs from here on.
    pub key: KeyId,
    /// The signing keys that are revoked.
    pub revoked_keys: Vec<KeyId>,
    /// The admin keys that are removed: one that was removed after the backup was made must not live again.
    pub removed_admin_keys: Vec<AdminKeyRecord>,
}

/// Takes up a store that was put back: another log far above what was seen, every signing key revoked and a new
/// one made, every admin key removed, and a mark for everyone, in one commit. `more_changes` is committed with it.
///
/// # Errors
///
/// [`InternalError::Keys`] if the master key does not open the keys of the store; then nothing was changed.
pub async fn restore(
    store: &dyn Store,
    (master, algorithm): (&SealingKey, Algorithm),
    request: RestoreRequest,
    more_changes: Vec<Change>,
) -> Result<RestoreOutcome, InternalError> {
    // Opens every key that is still good, so that what cannot be opened is found before anything is changed.
    let ring = ActiveKeys::open(store, master, algorithm, request.now).await.map_err(InternalError::Keys)?;
    let now = request.now;
    let new =
        new_signing(ring.signing_key().algorithm(), master, now).map_err(InternalError::Keys)?.activated(now);
    let key = new.id.clone();
    let keys: Vec<_> = store.keys().await?.into_iter().filter(is_usable_signing_key).collect();
    let removed_admin_keys = store.admin_keys().await?;
    let revoked_keys = keys.iter().map(|key| key.id.clone()).collect();

    let mut changes = vec![start_revocation_log(store.revocation_log_head().await?, &request)];
    changes.extend(keys.iter().flat_map(|key| revoke_key(key, now)));
    changes.push(Change::InsertKey(Box::new(new)));
    changes.push(record_event(event(AuditEventKind::KeyCreated, now).with_detail(key.to_string())));
    for key in &removed_admin_keys {
        changes.push(Change::RemoveAdminKey(key.id));
        let event = event(AuditEventKind::AdminKeyRemoved, now).with_reason(EndReason::Restored);
        changes.push(record_event(event.with_detail(key.id.to_string())));
    }
    // Whatever signed it, a key of after the backup too, which we do not know.
    let until = load_retention(store, MAX_EXCHANGED_LIFETIME).await?.remember_until(now);
    changes.push(append_revocation(RevocationSubject::Everyone, Some(until), now));
    changes.extend(revoke_everyone(request.kept, now));
    changes.extend(more_changes);
    match store.commit(&changes).await? {
        CommitOutcome::Applied(_) => Ok(RestoreOutcome {
            revocation_log_head: store.revocation_log_head().await?,
            key,
            revoked_keys,
            removed_admin_keys,
        }),
        // Nobody else has the store open.
        CommitOutcome::Conflict(_) => Err(InternalError::Contention),
    }
}

fn is_usable_signing_key(key: &KeyRecord) -> bool {
    key.purpose == KeyPurpose::Signing && key.state.needs_secret()
}

/// The new log, far above the head of the backup, above what was seen, and above the time.
fn start_revocation_log(stored: RevocationPosition, request: &RestoreRequest) -> Change {
    let highest = stored.max(request.highest_seen).number().max(request.now.unix_ms());
    Change::StartRevocationLog {
        id: request.revocation_log_id,
        after: RevocationPosition::new(highest.saturating_add(POSITION_GAP)),
    }
}

fn revoke_key(key: &KeyRecord, now: Time) -> [Change; 3] {
    [
        Change::ReplaceKey(Box::new(key.with_state(KeyState::Revoked, now))),
        append_revocation(RevocationSubject::Key(key.id.clone()), None, now),
        record_event(
            event(AuditEventKind::KeyRevoked, now)
                .with_reason(EndReason::Restored)
                .with_detail(key.id.to_string()),
        ),
    ]
}

/// The mark of everyone, with the line of the journal that says whom it spares.
fn revoke_everyone(kept: KeptOnRestore, now: Time) -> Vec<Change> {
    let event = event(AuditEventKind::Restored, now).with_reason(EndReason::Restored);
    let cutoff = Change::SetCutoff(CutoffScope::Everyone);
    match kept {
        KeptOnRestore::Nothing => vec![cutoff, record_event(event.with_detail("every session ended"))],
        KeptOnRestore::CookieSessions => {
            vec![
                Change::RefreshCookiePositions,
                cutoff,
                record_event(event.with_detail("cookie sessions were kept")),
            ]
        }
    }
}

fn append_revocation(subject: RevocationSubject, until: Option<Time>, now: Time) -> Change {
    Change::AppendRevocation { subject, reason: EndReason::Restored, at: now, remember_until: until }
}

fn event(kind: AuditEventKind, now: Time) -> AuditEvent {
    AuditEvent::by_actor(kind, Actor::Operator, &ClientInfo::default(), now)
}

fn record_event(event: AuditEvent) -> Change {
    Change::RecordEvent(Box::new(event))
}
