//! Makes a store that was restored from a backup safe to serve.
//!
//! A backup does not contain the revocations that were made after it. So a restore revokes everything that was issued
//! before, and starts a new revocation log, so that its followers read it from the start.

use counterfoil_jose::{Algorithm, SealingKey, Time};
use counterfoil_verify::{KeyId, RevocationLogId, RevocationPosition, RevocationSubject};

use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::model::session::{ClientInfo, EndReason};
use crate::model::verifier_key::VerifierKeyRecord;
use crate::services::InternalError;
use crate::services::administration::load_retention;
use crate::services::issuer::MAX_EXCHANGED_LIFETIME;
use crate::services::keys::active_keys::{ActiveKeys, new_current};
use crate::store::{Change, CommitOutcome, CutoffScope, NewRevocation, Page, Store};

/// How far above the highest seen position the new revocation log starts. Every position of the lost part of the previous
/// log is lower: at one position a millisecond it would take seven weeks to reach this gap.
const POSITION_GAP: u64 = 1 << 32;

/// The input of a restore.
#[derive(Debug, Clone, Copy)]
pub struct RestoreRequest {
    /// The id of the new revocation log.
    pub revocation_log_id: RevocationLogId,
    /// The highest revocation log position that any server or verifier is known to have seen.
    pub highest_seen: RevocationPosition,
    /// Which sessions remain valid.
    pub kept: KeptOnRestore,
    /// The time of the restore.
    pub now: Time,
}

/// Which sessions of the backup remain valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeptOnRestore {
    /// None: every user must log in again.
    #[default]
    Nothing,
    /// Cookie sessions. A session that was ended after the backup was made is valid again, also for the thief of its
    /// cookie. Access and refresh tokens are revoked all the same.
    CookieSessions,
}

/// The result of a restore.
#[derive(Debug, Clone)]
#[must_use]
pub struct RestoreOutcome {
    /// The head of the new revocation log, and the revocation cutoff for everyone.
    pub revocation_log_head: RevocationPosition,
    /// The new current signing key.
    pub key: KeyId,
    /// The signing keys that were revoked.
    pub revoked_keys: Vec<KeyId>,
    /// The admin keys that were removed. A key that was removed after the backup was made must not be valid again.
    pub removed_admin_keys: Vec<AdminKeyRecord>,
    /// The verifier keys that were removed, for the same reason.
    pub removed_verifier_keys: Vec<VerifierKeyRecord>,
}

/// Prepares a restored store in one commit: starts a new revocation log far above the highest seen position, revokes every
/// signing key and creates a new one, removes every admin key and every verifier key, and sets the revocation cutoff for everyone.
/// `more_changes` is part of the same commit.
///
/// # Errors
///
/// [`InternalError::Keys`] if the master key does not open the keys of the store. Then nothing was changed.
pub async fn restore(
    store: &dyn Store,
    (master, algorithm): (&SealingKey, Algorithm),
    request: RestoreRequest,
    more_changes: Vec<Change>,
) -> Result<RestoreOutcome, InternalError> {
    // Opens every usable key, so that a wrong master key is found before anything is changed.
    let active =
        ActiveKeys::open(store, master, algorithm, request.now).await.map_err(InternalError::Keys)?;
    let now = request.now;
    let new = new_current(active.signing_key().algorithm(), master, now).map_err(InternalError::Keys)?;
    let key = new.id.clone();
    let keys: Vec<_> = store.keys().await?.into_iter().filter(is_usable_signing_key).collect();
    let removed_admin_keys = store.admin_keys(Page { after: None, limit: u32::MAX }).await?;
    let removed_verifier_keys = store.verifier_keys(Page { after: None, limit: u32::MAX }).await?;

    let first = first_position(store.revocation_log_head().await?, &request);
    let mut changes = vec![Change::start_revocation_log(request.revocation_log_id, first)];
    changes.extend(keys.iter().flat_map(|key| revoke_key(key, now)));
    changes.extend(insert_key(new, now));
    changes.extend(removed_admin_keys.iter().flat_map(|key| remove_admin_key(key, now)));
    changes.extend(removed_verifier_keys.iter().flat_map(|key| remove_verifier_key(key, now)));
    // Also covers tokens of a key that was created after the backup and is not in it.
    let until = load_retention(store, MAX_EXCHANGED_LIFETIME).await?.remember_until(now);
    changes.push(append_revocation(RevocationSubject::Everyone, Some(until), now));
    changes.extend(revoke_everyone(request.kept, now));
    changes.extend(more_changes);
    match store.commit(&changes.into()).await? {
        CommitOutcome::Applied(applied) => Ok(RestoreOutcome {
            // Not read from the store, which is restored whether it can be read or not.
            revocation_log_head: applied.entries.last().map_or(first, |last| last.position),
            key,
            revoked_keys: keys.into_iter().map(|key| key.id).collect(),
            removed_admin_keys,
            removed_verifier_keys,
        }),
        // No other process has the store open.
        CommitOutcome::Conflict(_) => Err(InternalError::Contention),
    }
}

fn is_usable_signing_key(key: &KeyRecord) -> bool {
    key.purpose == KeyPurpose::Signing && key.state.needs_secret()
}

/// Where the new revocation log begins: far above the head of the backup, the highest seen position and the current time.
fn first_position(stored: RevocationPosition, request: &RestoreRequest) -> RevocationPosition {
    let highest = stored.max(request.highest_seen).number().max(request.now.unix_ms());
    RevocationPosition::new(highest.saturating_add(POSITION_GAP))
}

fn revoke_key(key: &KeyRecord, now: Time) -> [Change; 3] {
    let event = event(AuditEventKind::KeyRevoked, now).with_reason(EndReason::Restored);
    [
        Change::replace_key(key.with_state(KeyState::Revoked, now)),
        append_revocation(RevocationSubject::Key(key.id.clone()), None, now),
        record_event(event.with_detail(key.id.to_string())),
    ]
}

fn insert_key(key: KeyRecord, now: Time) -> [Change; 2] {
    let event = event(AuditEventKind::KeyCreated, now).with_detail(key.id.to_string());
    [Change::insert_key(key), record_event(event)]
}

fn remove_admin_key(key: &AdminKeyRecord, now: Time) -> [Change; 2] {
    let event = event(AuditEventKind::AdminKeyRemoved, now).with_reason(EndReason::Restored);
    [Change::remove_admin_key(key.id), record_event(event.with_detail(key.id.to_string()))]
}

fn remove_verifier_key(key: &VerifierKeyRecord, now: Time) -> [Change; 2] {
    let event = event(AuditEventKind::VerifierKeyRemoved, now).with_reason(EndReason::Restored);
    [Change::remove_verifier_key(key.id), record_event(event.with_detail(key.id.to_string()))]
}

/// Sets the revocation cutoff for everyone, and records in the audit log which sessions were kept.
fn revoke_everyone(kept: KeptOnRestore, now: Time) -> Vec<Change> {
    let event = event(AuditEventKind::Restored, now).with_reason(EndReason::Restored);
    let cutoff = Change::set_cutoff(CutoffScope::Everyone);
    match kept {
        KeptOnRestore::Nothing => vec![cutoff, record_event(event.with_detail("every session ended"))],
        KeptOnRestore::CookieSessions => {
            vec![
                Change::refresh_cookie_positions(),
                cutoff,
                record_event(event.with_detail("cookie sessions were kept")),
            ]
        }
    }
}

fn append_revocation(subject: RevocationSubject, until: Option<Time>, now: Time) -> Change {
    Change::append_revocation(NewRevocation {
        subject,
        reason: EndReason::Restored,
        at: now,
        remember_until: until,
        status_index: None,
    })
}

fn event(kind: AuditEventKind, now: Time) -> AuditEvent {
    AuditEvent::by_actor(kind, Actor::Operator, &ClientInfo::default(), now)
}

fn record_event(event: AuditEvent) -> Change {
    Change::record_event(event)
}
