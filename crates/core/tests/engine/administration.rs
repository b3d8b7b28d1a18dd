//! Administration, also against concurrent logins and changes.

use std::num::NonZeroU32;
use std::time::Duration;

use counterfoil_core::model::admin_key::KeyCreator;
use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::model::client::{Lifetimes, LifetimesChange};
use counterfoil_core::model::session::EndReason;
use counterfoil_core::model::user::User;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::administration::{ClientChange, UserChange, load_retention};
use counterfoil_core::services::issuer::NewSession;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::Page;
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_verify::{RevocationPosition, RevocationSubject};

use crate::harness::{Engine, NOON, PASSWORD, after, revocation_context};

fn roles(role: &str) -> UserChange {
    UserChange { roles: Some(vec![role.into()]), ..UserChange::default() }
}

async fn change(engine: &Engine, user: &User, change: UserChange) {
    engine
        .administration
        .change_user(user.id, &change, &revocation_context(EndReason::ByAdmin), NOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_concurrent_login_gets_the_new_roles() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

    change(&engine, &ada, roles("staff")).await;

    let opened = engine.issuer.issue_access_token(authenticated, NewSession::default(), NOON).await.unwrap();
    let principal = engine.authenticate_access_token(&opened.credential, NOON).await.unwrap();
    assert_eq!(principal.roles(), ["staff"]);
}

#[tokio::test]
async fn a_concurrent_login_of_a_disabled_or_deleted_user_fails() {
    for is_deleted in [false, true] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

        if is_deleted {
            engine
                .administration
                .delete_user(ada.id, &revocation_context(EndReason::ByAdmin), NOON)
                .await
                .unwrap();
        } else {
            change(&engine, &ada, UserChange { disabled: Some(true), ..UserChange::default() }).await;
        }

        let opened = engine.issuer.issue_session(authenticated, NewSession::default(), NOON).await;
        assert!(matches!(opened, Err(ServiceError::Client(ClientError::LoginFailed(_)))), "{opened:?}");
    }
}

#[tokio::test]
async fn a_concurrent_login_is_revoked_when_everyone_is_revoked() {
    let engine = Engine::start().await;
    engine.ada().await;
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

    let reason = revocation_context(EndReason::ByAdmin);
    engine.administration.revoke(&RevocationSubject::Everyone, None, &reason, NOON).await.unwrap();

    let opened = engine.issuer.issue_session(authenticated, NewSession::default(), NOON).await.unwrap();
    assert!(engine.authenticate_session(&opened.credential, NOON).await.is_err());
}

/// Ending all other sessions gives the current one a new log position; that must not make a revoked session valid again.
#[tokio::test]
async fn a_session_revoked_by_cutoff_cannot_end_others_and_stays_revoked() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (current, other) = (engine.session(NOON).await, engine.session(NOON).await);
    let reason = revocation_context(EndReason::ByAdmin);
    engine.administration.revoke(&RevocationSubject::Everyone, None, &reason, NOON).await.unwrap();

    let id = Some(current.session.id);
    let ended =
        engine.revoker.end_user_sessions(ada.id, id, &revocation_context(EndReason::ByUser), NOON).await;
    let changed = engine.change_password(&current.session, (PASSWORD, "another horse battery"), NOON).await;

    let revoked = ClientError::Credential(InvalidCredential::RevokedByCutoff);
    assert!(matches!(ended, Err(ServiceError::Client(error)) if error == revoked));
    assert!(matches!(changed, Err(ServiceError::Client(error)) if error == revoked));
    for session in [&current, &other] {
        assert!(engine.authenticate_session(&session.credential, NOON).await.is_err());
    }
}

#[tokio::test]
async fn a_revocation_is_kept_for_the_longest_token_lifetime_of_any_client() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (reason, day) = (revocation_context(EndReason::ByAdmin), Duration::from_secs(86_400));
    let lifetimes = |jwt| LifetimesChange { jwt: Some(jwt), ..LifetimesChange::default() };
    let slow = ClientChange { lifetimes: lifetimes(86_400), ..ClientChange::default() };
    let client =
        engine.administration.add_client("slow".parse().unwrap(), slow, &reason, NOON).await.unwrap();

    let user = RevocationSubject::User(ada.id);
    engine.administration.revoke(&user, None, &reason, NOON).await.unwrap();

    let entries =
        engine.store.revocation_log_after(RevocationPosition::START, NonZeroU32::MAX).await.unwrap().entries;
    assert!(entries.last().unwrap().until.unwrap() >= NOON + day, "{entries:?}");
    // Issued tokens keep their lifetime when it is shortened, and the next process knows that.
    let quick = ClientChange { lifetimes: lifetimes(60), ..ClientChange::default() };
    engine.administration.change_client(&client.id, &quick, &reason, after(1)).await.unwrap();
    assert_eq!(load_retention(&*engine.store, Duration::ZERO).await.unwrap().max_access_lifetime(), day);
    let untouched = Engine::start().await;
    let default = load_retention(&*untouched.store, Duration::ZERO).await.unwrap().max_access_lifetime();
    assert_eq!(default, Lifetimes::default().max_access_lifetime());
}

#[tokio::test]
async fn a_rejected_change_does_not_hide_a_longer_lifetime_from_the_next_process() {
    let engine = Engine::start().await;
    let (reason, day) = (revocation_context(EndReason::ByAdmin), Duration::from_secs(86_400));
    let lifetimes = |jwt| LifetimesChange { jwt: Some(jwt), ..LifetimesChange::default() };
    let slow = ClientChange { lifetimes: lifetimes(86_400), ..ClientChange::default() };
    let taken =
        engine.administration.add_client("default".parse().unwrap(), slow.clone(), &reason, NOON).await;
    assert!(matches!(taken, Err(ServiceError::Client(ClientError::AlreadyExists(_)))));

    let default = "default".parse().unwrap();
    engine.administration.change_client(&default, &slow, &reason, NOON).await.unwrap();
    let quick = ClientChange { lifetimes: lifetimes(60), ..ClientChange::default() };
    engine.administration.change_client(&default, &quick, &reason, NOON).await.unwrap();

    assert_eq!(load_retention(&*engine.store, Duration::ZERO).await.unwrap().max_access_lifetime(), day);
}

#[tokio::test]
async fn two_concurrent_changes_of_one_user_are_both_applied() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let session = engine.session(NOON).await;
    let reason = revocation_context(EndReason::ByAdmin);
    let email = UserChange { email: Some(Some("ada@example.org".into())), ..UserChange::default() };
    let (staff, email) = (&roles("staff"), &email);

    let (first, second) = tokio::join!(
        engine.administration.change_user(ada.id, staff, &reason, NOON),
        engine.administration.change_user(ada.id, email, &reason, NOON),
    );

    assert!(first.is_ok() && second.is_ok());
    let stored = engine.store.user(ada.id).await.unwrap().unwrap();
    assert_eq!((stored.roles, stored.email.as_deref()), (vec!["staff".to_owned()], Some("ada@example.org")));
    let principal = engine.authenticate_session(&session.credential, NOON).await.unwrap();
    assert_eq!(principal.roles(), ["staff"]);
}

fn by(actor: Actor) -> RevocationContext {
    RevocationContext { actor, ..revocation_context(EndReason::ByAdmin) }
}

/// Ends the user's permission to administer in one of three ways.
async fn end_permission(engine: &Engine, user: &User, way: &str) {
    match way {
        "demoted" => change(engine, user, roles("staff")).await,
        "disabled" => {
            change(engine, user, UserChange { disabled: Some(true), ..UserChange::default() }).await
        }
        "deleted" => {
            engine
                .administration
                .delete_user(user.id, &revocation_context(EndReason::ByAdmin), NOON)
                .await
                .unwrap();
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn admin_keys_are_removed_when_their_creator_is_no_longer_an_administrator() {
    for way in ["demoted", "disabled", "deleted"] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        change(&engine, &ada, roles("admin")).await;
        change(&engine, &engine.register("eve").await, roles("admin")).await;
        let add = async |actor: Actor| {
            engine.administration.create_admin_key("a key", &by(actor), NOON).await.unwrap().1
        };
        let own = add(Actor::User(ada.id)).await;
        let by_key = add(Actor::AdminKey(own.id)).await;
        let operators = add(Actor::Operator).await;
        let by_operators_key = add(Actor::AdminKey(operators.id)).await;
        assert_eq!(
            by_key.created_by,
            KeyCreator::User(ada.id),
            "a key created with another key has the same creator"
        );
        assert_eq!(by_operators_key.created_by, KeyCreator::Operator);

        end_permission(&engine, &ada, way).await;

        let mut expected = vec![operators.id, by_operators_key.id];
        expected.sort();
        let stored = engine.store.admin_keys(Page { after: None, limit: 100 }).await.unwrap();
        assert_eq!(stored.iter().map(|key| key.id).collect::<Vec<_>>(), expected, "{way}");
        let events = engine.audit_events().await;
        let removals = events.iter().filter(|event| event.kind == AuditEventKind::AdminKeyRemoved);
        assert!(removals.clone().all(|event| event.user == Some(ada.id) && event.reason.is_some()), "{way}");
        assert_eq!(removals.count(), 2, "{way}");
    }
}

#[tokio::test]
async fn other_changes_of_an_administrator_keep_the_admin_keys() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    change(&engine, &ada, roles("admin")).await;
    let reason = by(Actor::User(ada.id));
    engine.administration.create_admin_key("a key", &reason, NOON).await.unwrap();

    let both = UserChange { roles: Some(vec!["staff".into(), "admin".into()]), ..UserChange::default() };
    change(&engine, &ada, both).await;
    change(&engine, &ada, UserChange { email: Some(Some("a@b.example".into())), ..UserChange::default() })
        .await;

    assert_eq!(engine.store.admin_keys(Page { after: None, limit: 100 }).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_former_administrator_cannot_create_an_admin_key() {
    for way in ["demoted", "disabled", "deleted"] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        change(&engine, &ada, roles("admin")).await;
        change(&engine, &engine.register("eve").await, roles("admin")).await;
        let own =
            engine.administration.create_admin_key("a key", &by(Actor::User(ada.id)), NOON).await.unwrap().1;

        end_permission(&engine, &ada, way).await;

        for actor in [Actor::User(ada.id), Actor::AdminKey(own.id)] {
            let made = engine.administration.create_admin_key("another", &by(actor), NOON).await;
            assert!(matches!(made, Err(ServiceError::Client(ClientError::Credential(_)))), "{way}: {made:?}");
        }
        assert!(engine.store.admin_keys(Page { after: None, limit: 100 }).await.unwrap().is_empty(), "{way}");
    }
}

/// The three ways to take an administrator away.
async fn take_away(
    engine: &Engine,
    user: &User,
    way: &str,
    by: &RevocationContext,
) -> Result<(), ServiceError> {
    let change = match way {
        "demoted" => roles("staff"),
        "disabled" => UserChange { disabled: Some(true), ..UserChange::default() },
        _ => return engine.administration.delete_user(user.id, by, NOON).await,
    };
    engine.administration.change_user(user.id, &change, by, NOON).await.map(drop)
}

#[tokio::test]
async fn the_last_administrator_is_not_taken_away() {
    for way in ["demoted", "disabled", "deleted"] {
        let engine = Engine::start().await;
        let (ada, eve) = (engine.ada().await, engine.register("eve").await);
        change(&engine, &ada, roles("admin")).await;
        change(&engine, &eve, roles("admin")).await;
        change(&engine, &eve, UserChange { disabled: Some(true), ..UserChange::default() }).await;
        for actor in [Actor::Operator, Actor::User(ada.id)] {
            let refused = take_away(&engine, &ada, way, &by(actor)).await;
            assert!(
                matches!(refused, Err(ServiceError::Client(ClientError::LastAdministrator))),
                "{way}: {refused:?}"
            );
        }
        assert!(engine.store.user(ada.id).await.unwrap().unwrap().is_administrator(), "{way}");

        change(&engine, &eve, UserChange { disabled: Some(false), ..UserChange::default() }).await;
        take_away(&engine, &ada, way, &by(Actor::Operator)).await.unwrap();
        let stored = engine.store.user(ada.id).await.unwrap();
        assert!(!stored.is_some_and(|ada| ada.is_administrator()), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_administrators_who_remove_each_other_one_stays() {
    for round in 0..12 {
        let engine = Engine::start().await;
        let (ada, eve) = (engine.ada().await, engine.register("eve").await);
        change(&engine, &ada, roles("admin")).await;
        change(&engine, &eve, roles("admin")).await;
        let way = ["demoted", "disabled", "deleted"][round % 3];

        let (by_ada, by_eve) = (by(Actor::User(ada.id)), by(Actor::User(eve.id)));
        let (first, second) =
            tokio::join!(take_away(&engine, &eve, way, &by_ada), take_away(&engine, &ada, way, &by_eve),);

        assert!(first.is_ok() != second.is_ok(), "{way}: {first:?}, {second:?}");
        let refused = first.and(second).unwrap_err();
        assert!(
            matches!(refused, ServiceError::Client(ClientError::LastAdministrator)),
            "{way}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn roles_are_added_to_and_removed_from_those_that_the_user_has() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let relative = |add: &str, remove: &str| UserChange {
        add_roles: words(add),
        remove_roles: words(remove),
        ..UserChange::default()
    };
    change(&engine, &ada, relative("staff editor", "")).await;
    change(&engine, &ada, relative("editor admin", "staff none")).await;

    assert_eq!(engine.store.user(ada.id).await.unwrap().unwrap().roles, ["editor", "admin"]);
    for wrong in [
        UserChange { roles: Some(words("staff")), ..relative("admin", "") },
        UserChange { add_roles: vec!["two\twords".to_owned()], ..UserChange::default() },
    ] {
        let context = revocation_context(EndReason::ByAdmin);
        let refused = engine.administration.change_user(ada.id, &wrong, &context, NOON).await;
        assert!(
            matches!(refused, Err(ServiceError::Client(ClientError::Field { field: "roles", .. }))),
            "{refused:?}"
        );
    }
}
