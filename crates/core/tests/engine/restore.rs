//! Restoring from a backup: what is revoked, what stays valid, and the new revocation log.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::InternalError;
use counterfoil_core::services::issuer::{IssuedAccessToken, TokenPair};
use counterfoil_core::services::keys::active_keys::ActiveKeysError;
use counterfoil_core::services::password_hasher::InlineHasher;
use counterfoil_core::services::restore::{KeptOnRestore, RestoreOutcome, RestoreRequest, restore};
use counterfoil_core::store::{Change, Page};
use counterfoil_core::{FileBackup, Store};
use counterfoil_jose::{Algorithm, SealingKey};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{RevocationLogId, RevocationPosition, RevocationSubject};
use tempfile::TempDir;

use crate::harness::{CHEAP, Engine, GRACE, NOON, after, revocation_context};

const POSITION_GAP: u64 = 1 << 32;

/// An installation, a backup of it, and the credentials that were issued before the backup.
struct Before {
    directory: TempDir,
    store: Arc<SqliteStore>,
    engine: Engine,
    stored: SessionToken,
    /// Ended after the backup was made.
    ended: SessionToken,
    access: IssuedAccessToken,
    pair: TokenPair,
}

impl Before {
    async fn with_backup() -> Self {
        let store = SqliteStore::in_memory().unwrap();
        let hasher = InlineHasher::new(CHEAP).map(Arc::new).unwrap();
        let engine = Engine::on(store.clone(), hasher, GRACE, None).await;
        engine.ada().await;
        let (stored, ended) = (engine.session(NOON).await.credential, engine.session(NOON).await);
        let (access, pair) = (engine.access(NOON).await.credential, engine.pair(NOON).await.credential);
        engine
            .administration
            .create_admin_key("deploy", &revocation_context(EndReason::ByAdmin), NOON)
            .await
            .unwrap();
        engine
            .administration
            .create_verifier_key("orders", &revocation_context(EndReason::ByAdmin), NOON)
            .await
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        store.backup(&directory.path().join("backup.db")).await.unwrap();
        engine
            .revoker
            .end_session(ended.session.id, &revocation_context(EndReason::Logout), after(1))
            .await
            .unwrap();
        Self { directory, store, engine, stored, ended: ended.credential, access, pair }
    }

    fn backup(&self) -> Arc<dyn Store> {
        SqliteStore::open(&self.directory.path().join("backup.db")).unwrap()
    }
}

fn request(kept: KeptOnRestore) -> RestoreRequest {
    RestoreRequest {
        revocation_log_id: RevocationLogId::from_bytes([5; 16]),
        highest_seen: RevocationPosition::new(7),
        kept,
        now: after(60),
    }
}

async fn restore_with(store: &Arc<dyn Store>, kept: KeptOnRestore) -> RestoreOutcome {
    let master = SealingKey::from_bytes([7; 32]);
    restore(&**store, (&master, Algorithm::Es256), request(kept), Vec::new()).await.unwrap()
}

async fn engine_on(store: Arc<dyn Store>) -> Engine {
    Engine::on(store, Arc::new(InlineHasher::new(CHEAP).unwrap()), GRACE, None).await
}

/// Whether the active session, the ended session, the access token, and the access and refresh token of the pair are valid.
async fn valid(engine: &Engine, before: &Before) -> [bool; 5] {
    let now = after(61);
    [
        engine.authenticate_session(&before.stored, now).await.is_ok(),
        engine.authenticate_session(&before.ended, now).await.is_ok(),
        engine.authenticate_access_token(&before.access, now).await.is_ok(),
        engine.authenticate_access_token(&before.pair.access, now).await.is_ok(),
        engine.issuer.refresh(&before.pair.refresh, None, &ClientInfo::default(), now).await.is_ok(),
    ]
}

#[tokio::test]
async fn a_backup_without_a_restore_makes_an_ended_session_valid_again() {
    let before = Before::with_backup().await;

    assert_eq!(valid(&before.engine, &before).await, [true, false, true, true, true]);
    assert_eq!(valid(&engine_on(before.backup()).await, &before).await, [true; 5]);
}

#[tokio::test]
async fn a_restore_revokes_all_credentials_and_users_can_log_in_again() {
    let before = Before::with_backup().await;
    let store = before.backup();

    let outcome = restore_with(&store, KeptOnRestore::Nothing).await;

    assert_eq!(outcome.revocation_log_head, store.revocation_log_head().await.unwrap());
    let engine = engine_on(store).await;
    assert_eq!(valid(&engine, &before).await, [false; 5]);
    let (session, pair) =
        (engine.session(after(62)).await.credential, engine.pair(after(62)).await.credential);
    assert!(engine.authenticate_session(&session, after(63)).await.is_ok());
    assert!(engine.authenticate_access_token(&pair.access, after(63)).await.is_ok());
    // The current key and the next one.
    assert_eq!((outcome.revoked_keys.len(), outcome.removed_admin_keys.len()), (2, 1));
    assert!(engine.store.admin_keys(Page { after: None, limit: 100 }).await.unwrap().is_empty());
    assert_eq!(outcome.removed_verifier_keys.len(), 1);
    assert!(engine.store.verifier_keys(Page { after: None, limit: 100 }).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_restore_can_keep_cookie_sessions_and_nothing_else() {
    let before = Before::with_backup().await;
    let store = before.backup();

    let _ = restore_with(&store, KeptOnRestore::CookieSessions).await;

    // The session that was ended after the backup is valid again. The audit log records this choice.
    let engine = engine_on(store).await;
    assert_eq!(valid(&engine, &before).await, [true, true, false, false, false]);
    let events = engine.audit_events().await;
    let event = events.iter().find(|event| event.kind == AuditEventKind::Restored).unwrap();
    assert_eq!(event.detail.as_deref(), Some("cookie sessions were kept"));
}

#[tokio::test]
async fn sessions_revoked_before_the_backup_stay_revoked() {
    let before = Before::with_backup().await;
    let store = before.backup();
    let administration = engine_on(Arc::clone(&store)).await.administration;
    administration
        .revoke(&RevocationSubject::Everyone, None, &revocation_context(EndReason::ByAdmin), after(2))
        .await
        .unwrap();

    let _ = restore_with(&store, KeptOnRestore::CookieSessions).await;

    assert_eq!(valid(&engine_on(store).await, &before).await, [false; 5]);
}

#[tokio::test]
async fn the_new_revocation_log_starts_far_above_every_seen_position() {
    let before = Before::with_backup().await;
    for highest_seen in [RevocationPosition::START, RevocationPosition::new(after(60).unix_ms() + 500)] {
        let store = before.backup();
        let previous_log_id = store.revocation_log_id().await.unwrap();
        let master = SealingKey::from_bytes([7; 32]);
        let request = RestoreRequest { highest_seen, ..request(KeptOnRestore::Nothing) };
        let more_changes = vec![Change::set_metadata("a_key", b"a value".to_vec())];

        let outcome = restore(&*store, (&master, Algorithm::Es256), request, more_changes).await.unwrap();

        let floor = highest_seen.number().max(after(60).unix_ms()) + POSITION_GAP;
        assert!(outcome.revocation_log_head.number() > floor, "{outcome:?}");
        assert_eq!(store.revocation_log_head().await.unwrap(), outcome.revocation_log_head);
        assert_eq!(store.revocation_log_id().await.unwrap(), request.revocation_log_id);
        assert_ne!(previous_log_id, request.revocation_log_id);
        assert_eq!(store.metadata("a_key").await.unwrap().as_deref(), Some(&b"a value"[..]));
        // The log names each revoked key, without expiry, and then everyone, for tokens of keys that are not in the backup.
        let entries = store
            .revocation_log_after(RevocationPosition::new(floor), NonZeroU32::MAX)
            .await
            .unwrap()
            .entries;
        let subjects: Vec<_> = entries.iter().map(|entry| (&entry.subject, entry.until.is_none())).collect();
        let keys: Vec<_> = outcome.revoked_keys.iter().cloned().map(RevocationSubject::Key).collect();
        let everyone = std::iter::once((&RevocationSubject::Everyone, false));
        let expected: Vec<_> = keys.iter().map(|key| (key, true)).chain(everyone).collect();
        assert_eq!(subjects, expected);
        drop(store);
        std::fs::remove_file(before.directory.path().join("backup.db")).unwrap();
        before.store.backup(&before.directory.path().join("backup.db")).await.unwrap();
    }
}

#[tokio::test]
async fn a_restore_with_another_master_key_changes_nothing() {
    let before = Before::with_backup().await;
    let store = before.backup();
    let other = SealingKey::from_bytes([8; 32]);

    let rejected =
        restore(&*store, (&other, Algorithm::Es256), request(KeptOnRestore::Nothing), Vec::new()).await;

    assert!(matches!(rejected, Err(InternalError::Keys(ActiveKeysError::MasterKey(..)))), "{rejected:?}");
    assert_eq!(valid(&engine_on(store).await, &before).await, [true; 5]);
}

#[tokio::test]
async fn a_restored_store_without_keys_gets_its_first_keys() {
    let directory = tempfile::tempdir().unwrap();
    let empty: &Path = &directory.path().join("empty.db");
    let store: Arc<dyn Store> = SqliteStore::open(empty).unwrap();

    let outcome = restore_with(&store, KeptOnRestore::Nothing).await;

    let engine = engine_on(store).await;
    engine.ada().await;
    assert!(
        engine.authenticate_access_token(&engine.access(after(62)).await.credential, after(63)).await.is_ok()
    );
    assert!(!outcome.revoked_keys.contains(&outcome.key));
}
