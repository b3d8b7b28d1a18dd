//! The import of users from another system.

use std::sync::Arc;

use serde_json::json;

use counterfoil_core::ClientError;
use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::model::user::User;
use counterfoil_core::services::user_import::{ImportMode, ImportOutcome, ImportedUser, UserImporter};
use counterfoil_core::store::LoginName;
use counterfoil_jose::Secret;

use crate::harness::{Engine, NOON, PASSWORD, after, credentials, nowhere};

const BCRYPT_HASH: &str = "$2b$06$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";

fn imported(name: &str) -> ImportedUser {
    ImportedUser {
        username: Some(name.into()),
        external_id: Some(name.into()),
        email: Some(format!("{name}@elsewhere.example")),
        email_verified: true,
        password_hash: Some(BCRYPT_HASH.into()),
        password_change_required: false,
        roles: vec!["reader".into()],
        created_at: Some(1_500_000_000),
        disabled: false,
    }
}

async fn import(engine: &Engine, imported: &[ImportedUser]) -> Vec<Result<ImportOutcome, ClientError>> {
    UserImporter::new(Arc::clone(&engine.store)).import(imported, ImportMode::Commit, NOON).await.unwrap()
}

async fn find_user(engine: &Engine, name: &str) -> Option<User> {
    engine.store.user_by_login(&LoginName::Username(name.into())).await.unwrap()
}

/// The field that is invalid.
fn field(imported: ImportedUser) -> &'static str {
    match imported.validate(NOON) {
        Err(ClientError::Field { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_imported_user_logs_in_by_username_and_by_verified_address() {
    let engine = Engine::start().await;

    assert_eq!(
        import(&engine, &[imported("ada"), imported("bob")]).await,
        [Ok(ImportOutcome::Added), Ok(ImportOutcome::Added)]
    );

    let ada = find_user(&engine, "ada").await.unwrap();
    assert_eq!(
        (ada.created_at.unix_seconds(), ada.roles.clone()),
        (1_500_000_000, vec!["reader".to_owned()])
    );
    assert!(engine.authenticate("ada", PASSWORD, NOON).await.is_ok());
    assert!(engine.authenticate("bob@elsewhere.example", PASSWORD, NOON).await.is_ok());
    assert!(engine.authenticate("ada", "wrong horse battery", NOON).await.is_err());
    let events = engine.audit_events().await;
    let event = events
        .iter()
        .find(|event| event.user == Some(ada.id) && event.kind == AuditEventKind::UserRegistered)
        .unwrap();
    assert_eq!((&event.actor, event.detail.as_deref()), (&Actor::Operator, Some("imported")));
}

#[tokio::test]
async fn a_user_without_a_username_logs_in_by_the_verified_address() {
    let engine = Engine::start().await;
    let line = json!({ "email": "Ada@elsewhere.example", "email_verified": true, "password_hash": BCRYPT_HASH,
        "roles": null, "created_at": null, "disabled": null });
    let ada: ImportedUser = serde_json::from_value(line).unwrap();

    assert_eq!(import(&engine, std::slice::from_ref(&ada)).await, [Ok(ImportOutcome::Added)]);
    let user = engine.authenticate("ada@elsewhere.example", PASSWORD, NOON).await.unwrap();

    assert!(user.user().username.as_str().starts_with("user-"), "{user:?}");
    assert_eq!(import(&engine, std::slice::from_ref(&ada)).await, [Ok(ImportOutcome::AlreadyExists)]);
    let other = ImportedUser { external_id: Some(json!(7)), ..ada.clone() };
    assert!(matches!(import(&engine, &[other]).await[..], [Err(ClientError::Field { field: "email", .. })]));
    assert_eq!(field(ImportedUser { email_verified: false, ..ada }), "username");
}

#[tokio::test]
async fn an_import_can_be_repeated_also_after_a_login() {
    let engine = Engine::start().await;
    import(&engine, &[imported("ada"), imported("bob")]).await;
    engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
    let before = find_user(&engine, "ada").await;

    let again = import(&engine, &[imported("ada"), imported("bob"), imported("eve")]).await;

    assert_eq!(
        again,
        [Ok(ImportOutcome::AlreadyExists), Ok(ImportOutcome::AlreadyExists), Ok(ImportOutcome::Added)]
    );
    assert_eq!(find_user(&engine, "ada").await, before);
}

/// How a password is changed.
#[derive(Debug, Clone, Copy)]
enum ChangedBy {
    UserInSession,
    UserByLogin,
    Operator,
}

async fn change_password(engine: &Engine, by: ChangedBy) {
    let (from, new) = (nowhere(), "a walk in the park");
    let accounts = &engine.accounts;
    match by {
        ChangedBy::UserInSession => {
            let session = engine.session(NOON).await.session;
            engine.change_password(&session, (PASSWORD, new), NOON).await.unwrap();
        }
        ChangedBy::UserByLogin => {
            let (presented, new) = (credentials("ada", PASSWORD), Secret::new(new.into()));
            let authorized = accounts.authorize_password_change_by_login(&presented, &new, &from, NOON).await;
            accounts.change_password(authorized.unwrap(), &from, NOON).await.unwrap();
        }
        ChangedBy::Operator => {
            let ada = find_user(engine, "ada").await.unwrap().id;
            let new = Secret::new(new.into());
            accounts.set_password(ada, &new, &Actor::Operator, &from, NOON).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_temporary_password_stays_one_until_it_is_changed() {
    for by in [ChangedBy::UserInSession, ChangedBy::UserByLogin, ChangedBy::Operator] {
        let engine = Engine::start().await;
        let temporary = ImportedUser { password_change_required: true, ..imported("ada") };
        import(&engine, &[temporary.clone(), imported("bob")]).await;
        assert!(!find_user(&engine, "bob").await.unwrap().password_change_required);

        // The second login is by the hash that has replaced the imported one.
        for _ in 0..2 {
            let ada = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
            assert!(ada.user().password_change_required, "{by:?}");
        }
        assert_eq!(import(&engine, &[temporary]).await, [Ok(ImportOutcome::AlreadyExists)]);
        change_password(&engine, by).await;

        let ada = engine.authenticate("ada", "a walk in the park", NOON).await.unwrap();
        assert!(!ada.user().password_change_required, "{by:?}");
    }
}

#[test]
fn only_a_password_can_be_a_temporary_one() {
    let without = ImportedUser { password_hash: None, password_change_required: true, ..imported("x") };
    assert_eq!(field(without), "password_change_required");
}

#[tokio::test]
async fn a_taken_name_address_or_external_id_is_rejected_and_the_other_users_are_imported() {
    let engine = Engine::start().await;
    engine.register("ada").await;
    let same_name = ImportedUser { username: Some("ADA".into()), ..imported("ada") };
    let same_address = ImportedUser { email: imported("bob").email, ..imported("eve") };
    let same_id = ImportedUser { external_id: imported("bob").external_id, ..imported("mel") };

    let others = [imported("BOB"), imported("mallory"), same_id.clone()];
    let mut users = vec![same_name, imported("bob"), same_address];
    users.extend(others);
    let outcomes = import(&engine, &users).await;

    assert_eq!(outcomes[0], Err(ClientError::UsernameTaken));
    assert_eq!(outcomes[1], Ok(ImportOutcome::Added));
    assert!(matches!(outcomes[2], Err(ClientError::Field { field: "email", .. })));
    assert_eq!(outcomes[3], Err(ClientError::UsernameTaken), "the same name twice in one import");
    assert_eq!(outcomes[4], Ok(ImportOutcome::Added));
    let is_taken =
        |outcome: &Result<_, _>| matches!(outcome, Err(ClientError::Field { field: "external_id", .. }));
    assert!(is_taken(&outcomes[5]), "the same id twice in one import");
    assert!(is_taken(&import(&engine, &[same_id]).await[0]), "the id of a stored user");
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let engine = Engine::start().await;

    let importer = UserImporter::new(Arc::clone(&engine.store));
    let outcomes = importer.import(&[imported("ada")], ImportMode::DryRun, NOON).await.unwrap();

    assert_eq!(outcomes, [Ok(ImportOutcome::Added)]);
    assert_eq!(find_user(&engine, "ada").await, None);
    assert!(engine.audit_events().await.iter().all(|event| event.kind != AuditEventKind::UserRegistered));
}

#[tokio::test]
async fn a_disabled_user_or_one_without_a_password_cannot_log_in_after_an_import() {
    let engine = Engine::start().await;
    let disabled = ImportedUser { disabled: true, ..imported("eve") };
    let without = ImportedUser { password_hash: None, ..imported("mallory") };

    import(&engine, &[disabled, without]).await;

    assert!(engine.authenticate("eve", PASSWORD, NOON).await.is_err());
    for password in ["", PASSWORD] {
        assert!(engine.authenticate("mallory", password, NOON).await.is_err());
    }
}

#[test]
fn invalid_fields_are_rejected() {
    assert_eq!(field(ImportedUser { username: Some("a@b".into()), ..imported("x") }), "username");
    assert_eq!(field(ImportedUser { email: Some("nowhere".into()), ..imported("x") }), "email");
    assert_eq!(field(ImportedUser { email: None, ..imported("x") }), "email_verified");
    assert_eq!(
        field(ImportedUser { password_hash: Some("md5$salt$0123".into()), ..imported("x") }),
        "password_hash"
    );
    assert_eq!(field(ImportedUser { password_hash: Some(String::new()), ..imported("x") }), "password_hash");
    for id in [json!(""), json!("a b"), json!(1.5), json!([])] {
        assert_eq!(field(ImportedUser { external_id: Some(id), ..imported("x") }), "external_id");
    }
    assert_eq!(field(ImportedUser { roles: vec!["two words".into()], ..imported("x") }), "roles");
    assert_eq!(
        field(ImportedUser { created_at: Some(after(1).unix_seconds()), ..imported("x") }),
        "created_at"
    );
    assert_eq!(field(ImportedUser { created_at: Some(u64::MAX), ..imported("x") }), "created_at");
}

#[test]
fn unknown_duplicate_and_mistyped_members_are_rejected() {
    for line in [
        r#"{"username":"ada","password":"secret"}"#,
        r#"{"username":"ada","username":"eve"}"#,
        r#"{"username":"ada"} {"username":"eve"}"#,
        r#"{"username":"ada","created_at":-1}"#,
        r#"{"username":"ada","email":1}"#,
    ] {
        assert!(serde_json::from_str::<ImportedUser>(line).is_err(), "{line}");
    }
    assert!(!format!("{:?}", imported("ada")).contains("$2b$"));
}
