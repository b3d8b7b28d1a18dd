//! A store that was put back from a backup: what is dead, what lives, and that the log goes on far above.

use std::path::Path;
use std::sync::Arc;

use counterfoil_core::Store;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::InternalError;
use counterfoil_core::services::issuer::{IssuedAccessToken, TokenPair};
use counterfoil_core::services::keys::active_keys::ActiveKeysError;
use counterfoil_core::services::password_hasher::InlineHasher;
use counterfoil_core::services::restore::{KeptOnRestore, RestoreOutcome, RestoreRequest, restore};
use counterfoil_core::store::Change;
use counterfoil_jose::{Algorithm, SealingKey, Time};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{RevocationLogId, RevocationPosition, RevocationSubject};
use tempfile::TempDir;

use crate::harness::{CHEAP, Engine, GRACE, NOON, after, revocation_context};

const POSITION_GAP: u64 = 1 << 32;

/// An installation, a backup of it, and what was held when the backup was made.
struct Before {
    directory: TempDir,
    engine: Engine,
    stored: SessionToken,
    /// Ended after the backup was made.
    ended: SessionToken,
    access: IssuedAccessToken,
    pair: TokenPair,
}

impl Before {
    async fn with_backup() -> Self {
        let engine = Engine::start().await;
        engine.ada().await;
        let (stored, ended) = (engine.session(NOON).await.credential, engine.session(NOON).await);
        let (access, pair) = (engine.access(NOON).await.credential, engine.pair(NOON).await.credential);
        engine
            .administration
            .create_admin_key("deploy", &revocation_context(EndReason::ByAdmin), NOON)
            .await
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        engine.store.backup(&directory.path().join("backup.db")).await.unwrap();
        engine
            .revoker
            .end_session(ended.session.id, &revocation_context(EndReason::Logout), after(1))
            .await
            .unwrap();
        Self { directory, engine, stored, ended: ended.credential, access, pair }
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
    Engine::on(store, Arc::new(InlineHasher::new(CHEAP).unwrap()), GRACE, Time::EPOCH).await
}

/// Which of the session that was kept, the one that was ended, the access token and the pair are good.
async fn good(engine: &Engine, before: &Before) -> [bool; 5] {
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
async fn a_backup_that_is_merely_put_back_would_bring_the_ended_session_back() {
    let before = Before::with_backup().await;

    assert_eq!(good(&before.engine, &before).await, [true, false, true, true, true]);
    assert_eq!(good(&engine_on(before.backup()).await, &before).await, [true; 5]);
}

#[tokio::test]
async fn nothing_that_was_given_before_is_good_and_whoever_logs_in_again_is_let_in() {
    let before = Before::with_backup().await;
    let store = before.backup();

    let outcome = restore_with(&store, KeptOnRestore::Nothing).await;

    let engine = engine_on(store).await;
    assert_eq!(good(&engine, &before).await, [false; 5]);
    let (session, pair) =
        (engine.session(after(62)).await.credential, engine.pair(after(62)).await.credential);
    assert!(engine.authenticate_session(&session, after(63)).await.is_ok());
    assert!(engine.authenticate_access_token(&pair.access, after(63)).await.is_ok());
    // The one that signed and the next one.
    assert_eq!((outcome.revoked_keys.len(), outcome.removed_admin_keys.len()), (2, 1));
    assert!(engine.store.admin_keys().await.unwrap().is_empty());
}

#[tokio::test]
async fn cookie_sessions_are_spared_if_that_is_wanted_and_nothing_else() {
    let before = Before::with_backup().await;
    let store = before.backup();

    let _ = restore_with(&store, KeptOnRestore::CookieSessions).await;

    // The one that was ended after the backup lives again: that is the risk, and the journal tells it.
    let engine = engine_on(store).await;
    assert_eq!(good(&engine, &before).await, [true, true, false, false, false]);
    let events = engine.audit_events().await;
    let told = events.iter().find(|event| event.kind == AuditEventKind::Restored).unwrap();
    assert_eq!(told.detail.as_deref(), Some("cookie sessions were kept"));
}

#[tokio::test]
async fn what_was_revoked_before_the_backup_is_not_spared() {
    let before = Before::with_backup().await;
    let store = before.backup();
    let administration = engine_on(Arc::clone(&store)).await.administration;
    administration
        .revoke(&RevocationSubject::Everyone, None, &revocation_context(EndReason::ByAdmin), after(2))
        .await
        .unwrap();

    let _ = restore_with(&store, KeptOnRestore::CookieSessions).await;

    assert_eq!(good(&engine_on(store).await, &before).await, [false; 5]);
}

#[tokio::test]
async fn the_log_is_another_one_far_above_whatever_was_seen() {
    let before = Before::with_backup().await;
    for highest_seen in [RevocationPosition::START, RevocationPosition::new(after(60).unix_ms() + 500)] {
        let store = before.backup();
        let previous_log_id = store.revocation_log_id().await.unwrap();
        let master = SealingKey::from_bytes([7; 32]);
        let request = RestoreRequest { highest_seen, ..request(KeptOnRestore::Nothing) };
        let more_changes = vec![Change::SetMetadata("a_fact", b"told".to_vec())];

        let outcome = restore(&*store, (&master, Algorithm::Es256), request, more_changes).await.unwrap();

        let floor = highest_seen.number().max(after(60).unix_ms()) + POSITION_GAP;
        assert!(outcome.revocation_log_head.number() > floor, "{outcome:?}");
        assert_eq!(store.revocation_log_head().await.unwrap(), outcome.revocation_log_head);
        assert_eq!(store.revocation_log_id().await.unwrap(), request.revocation_log_id);
        assert_ne!(previous_log_id, request.revocation_log_id);
        assert_eq!(store.metadata("a_fact").await.unwrap().as_deref(), Some(&b"told"[..]));
        // Followers hear of the keys by name, for ever, and of everybody's tokens whatever has signed them.
        let entries = store.revocation_log_after(RevocationPosition::new(floor)).await.unwrap().entries;
        let subjects: Vec<_> = entries.iter().map(|entry| (&entry.subject, entry.until.is_none())).collect();
        let keys: Vec<_> = outcome.revoked_keys.iter().cloned().map(RevocationSubject::Key).collect();
        let everyone = std::iter::once((&RevocationSubject::Everyone, false));
        let expected: Vec<_> = keys.iter().map(|key| (key, true)).chain(everyone).collect();
        assert_eq!(subjects, expected);
        drop(store);
        std::fs::remove_file(before.directory.path().join("backup.db")).unwrap();
        before.engine.store.backup(&before.directory.path().join("backup.db")).await.unwrap();
    }
}

#[tokio::test]
async fn another_master_key_changes_nothing() {
    let before = Before::with_backup().await;
    let store = before.backup();
    let other = SealingKey::from_bytes([8; 32]);

    let refused =
        restore(&*store, (&other, Algorithm::Es256), request(KeptOnRestore::Nothing), Vec::new()).await;

    assert!(matches!(refused, Err(InternalError::Keys(ActiveKeysError::MasterKey(..)))), "{refused:?}");
    assert_eq!(good(&engine_on(store).await, &before).await, [true; 5]);
}

#[tokio::test]
async fn a_backup_of_a_store_without_keys_gets_its_first_ones() {
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
