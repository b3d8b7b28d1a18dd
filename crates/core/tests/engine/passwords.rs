//! The policy for new passwords, and password hashes from other systems.

use std::sync::Arc;

use counterfoil_core::ClientError;
use counterfoil_core::credentials::password::PasswordHash;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::user::User;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::{AccountService, Registration};
use counterfoil_core::services::password_hasher::InlineHasher;
use counterfoil_core::services::password_policy::PasswordPolicy;
use counterfoil_core::services::revoker::RevocationRetention;
use counterfoil_core::store::{Change, CommitOutcome, LoginName};
use counterfoil_jose::Secret;

use crate::harness::{CHEAP, Engine, NOON, PASSWORD, nowhere, rate_limiter};

/// The hash of [`PASSWORD`] by bcrypt 4.3 for Python.
const BCRYPT_HASH: &str = "$2b$06$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";

fn registration(password: &str) -> Registration {
    Registration {
        username: "ada".into(),
        password: Secret::new(password.into()),
        email: Some("countess@analytical.example".into()),
        roles: Vec::new(),
        external_id: None,
    }
}

/// The error of the field `password`.
fn field_error(outcome: Result<User, ServiceError>) -> String {
    match outcome {
        Err(ServiceError::Client(ClientError::RefusedValue { field: "password", detail, .. })) => detail,
        other => panic!("{other:?}"),
    }
}

async fn with_imported_hash(engine: &Engine, hash: &str) -> User {
    let user = engine.ada().await;
    let imported = user.rehashed(PasswordHash::import(hash).unwrap());
    let changed = engine.store.commit(&[Change::replace_user(imported.clone())].into()).await;
    assert!(matches!(changed, Ok(CommitOutcome::Applied(_))));
    imported
}

#[tokio::test]
async fn a_rejected_registration_names_the_fault_of_the_password() {
    let engine = Engine::start().await;
    let register = async |password| {
        engine.accounts.register(registration(password), Actor::Anonymous, &nowhere(), NOON).await
    };

    let long = "a".repeat(257);
    assert!(field_error(register("seven").await).contains("at least 8 characters"));
    assert!(field_error(register("countess").await).contains("your name, your address"));
    assert!(field_error(register(&long).await).contains("at most 256 characters"));
    #[cfg(feature = "strength")]
    assert!(field_error(register("password").await).contains("most common"));
    assert!(register(PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_password_change_is_validated_by_the_same_policy() {
    let engine = Engine::start().await;
    engine.ada().await;
    let session = engine.session(NOON).await.session;

    let changed = engine.change_password(&session, (PASSWORD, "ada-ada-ada"), NOON).await;

    assert!(
        matches!(changed, Err(ServiceError::Client(ClientError::RefusedValue { field: "new_password", .. }))),
        "{changed:?}"
    );
    assert!(engine.authenticate("ada", PASSWORD, NOON).await.is_ok());
}

#[tokio::test]
async fn a_stricter_policy_applies_to_new_passwords_only() {
    let engine = Engine::start().await;
    engine.register("old").await;
    let hasher = Arc::new(InlineHasher::new(CHEAP).unwrap());
    let retention = Arc::new(RevocationRetention::new(std::time::Duration::from_secs(3600)));
    let policy = PasswordPolicy::nist().for_service("auth.example");
    let strict =
        AccountService::new(Arc::clone(&engine.store), hasher, retention, rate_limiter(&engine.store))
            .with_password_policy(policy);

    let rejected = strict.register(registration("horse battery"), Actor::Anonymous, &nowhere(), NOON).await;

    assert!(field_error(rejected).contains("at least 15 characters"));
    let engine = Engine { accounts: strict, ..engine };
    assert!(engine.authenticate("old", PASSWORD, NOON).await.is_ok());
}

#[tokio::test]
async fn the_hash_that_replaces_an_imported_one_is_of_the_whole_password() {
    // Made with Python's bcrypt 4.3 from 72 times the letter x.
    let of_72 = "$2b$05$HEufuLypN8S66/UkWdgBW.5Yio5tJsDQSF1nf/RjbQxhwwRFUbGS.";
    let engine = Engine::start().await;
    with_imported_hash(&engine, of_72).await;
    let whole = "x".repeat(90);

    assert!(engine.authenticate("ada", &whole, NOON).await.is_ok(), "as the system that made the hash");
    assert!(engine.authenticate("ada", &whole, NOON).await.is_ok(), "by the new hash");
    assert!(engine.authenticate("ada", &"x".repeat(72), NOON).await.is_err());
}

#[tokio::test]
async fn an_imported_hash_is_rehashed_at_the_first_login() {
    let engine = Engine::start().await;
    let before = with_imported_hash(&engine, BCRYPT_HASH).await;

    assert!(engine.authenticate("ada", "wrong horse battery", NOON).await.is_err());
    assert_eq!(engine.store.user(before.id).await.unwrap().unwrap().password, before.password);
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

    let after = engine.store.user(before.id).await.unwrap().unwrap();
    assert_eq!(authenticated.user(), &after);
    assert_ne!(after.password, before.password);
    assert!(after.password.is_some_and(|hash| hash.is_argon2id() && !hash.needs_rehash(CHEAP)));
    assert_eq!(after.epoch, before.epoch, "the user is not logged out");
    assert!(engine.authenticate("ada", PASSWORD, NOON).await.is_ok());
}

#[tokio::test]
async fn a_disabled_user_with_an_imported_hash_cannot_log_in_and_is_not_rehashed() {
    let engine = Engine::start().await;
    let user = with_imported_hash(&engine, BCRYPT_HASH).await;
    let disabled = Change::replace_user(user.disabled(NOON));
    assert!(matches!(engine.store.commit(&[disabled].into()).await, Ok(CommitOutcome::Applied(_))));

    assert!(engine.authenticate("ada", PASSWORD, NOON).await.is_err());

    let stored = engine.store.user_by_login(&LoginName::Username("ada".into())).await.unwrap().unwrap();
    assert_eq!(stored.password, user.password);
}
