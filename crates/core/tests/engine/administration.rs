//! What an administrator changes, against what is in flight.

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
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::Secret;
use counterfoil_verify::{RevocationPosition, RevocationSubject};

use crate::harness::{Engine, NOON, PASSWORD, after, nowhere, revocation_context};

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
async fn a_login_in_flight_gets_the_roles_that_it_has_when_it_is_done() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

    change(&engine, &ada, roles("staff")).await;

    let opened = engine.issuer.issue_access_token(authenticated, NewSession::default(), NOON).await.unwrap();
    let principal = engine.authenticate_access_token(&opened.credential, NOON).await.unwrap();
    assert_eq!(principal.roles(), ["staff"]);
}

#[tokio::test]
async fn a_login_in_flight_loses_against_being_locked_out_or_deleted() {
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
        assert!(matches!(opened, Err(ServiceError::Client(ClientError::LoginFailed))), "{opened:?}");
    }
}

#[tokio::test]
async fn a_login_in_flight_is_dead_where_everyone_was_revoked() {
    let engine = Engine::start().await;
    engine.ada().await;
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

    let reason = revocation_context(EndReason::ByAdmin);
    engine.administration.revoke(&RevocationSubject::Everyone, None, &reason, NOON).await.unwrap();

    let opened = engine.issuer.issue_session(authenticated, NewSession::default(), NOON).await.unwrap();
    assert!(engine.authenticate_session(&opened.credential, NOON).await.is_err());
}

/// Who was admitted a moment before is stamped anew by ending all others; that is not to bring them back.
#[tokio::test]
async fn a_session_that_a_mark_has_killed_ends_no_others_and_does_not_come_back() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (current, other) = (engine.session(NOON).await, engine.session(NOON).await);
    let reason = revocation_context(EndReason::ByAdmin);
    engine.administration.revoke(&RevocationSubject::Everyone, None, &reason, NOON).await.unwrap();

    let id = Some(current.session.id);
    let ended =
        engine.revoker.end_user_sessions(ada.id, id, &revocation_context(EndReason::ByUser), NOON).await;
    let (old, new) = (Secret::new(PASSWORD.into()), Secret::new("another horse battery".into()));
    let changed = engine.accounts.change_password(ada.id, id, (&old, &new), &nowhere(), NOON).await;

    let marked = ClientError::Credential(InvalidCredential::RevokedByCutoff);
    assert!(matches!(ended, Err(ServiceError::Client(refusal)) if refusal == marked));
    assert!(matches!(changed, Err(ServiceError::Client(refusal)) if refusal == marked));
    for dead in [&current, &other] {
        assert!(engine.authenticate_session(&dead.credential, NOON).await.is_err());
    }
}

#[tokio::test]
async fn a_revocation_is_remembered_for_as_long_as_any_client_lets_a_token_live() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (reason, day) = (revocation_context(EndReason::ByAdmin), Duration::from_secs(86_400));
    let lifetimes = |jwt| LifetimesChange { jwt: Some(jwt), ..LifetimesChange::default() };
    let slow = ClientChange { lifetimes: lifetimes(86_400), ..ClientChange::default() };
    let client =
        engine.administration.add_client("slow".parse().unwrap(), slow, &reason, NOON).await.unwrap();

    let user = RevocationSubject::User(ada.id);
    engine.administration.revoke(&user, None, &reason, NOON).await.unwrap();

    let entries = engine.store.revocation_log_after(RevocationPosition::START).await.unwrap().entries;
    assert!(entries.last().unwrap().until.unwrap() >= NOON + day, "{entries:?}");
    // What was given lives on when lifetimes are shortened, and the next process knows that.
    let quick = ClientChange { lifetimes: lifetimes(60), ..ClientChange::default() };
    engine.administration.change_client(&client.id, &quick, &reason, after(1)).await.unwrap();
    assert_eq!(load_retention(&*engine.store, Duration::ZERO).await.unwrap().max_access_lifetime(), day);
    let untouched = Engine::start().await;
    let usual = load_retention(&*untouched.store, Duration::ZERO).await.unwrap().max_access_lifetime();
    assert_eq!(usual, Lifetimes::default().max_access_lifetime());
}

#[tokio::test]
async fn a_change_that_was_refused_hides_no_longer_life_from_the_next_process() {
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
async fn two_who_change_one_user_at_a_time_both_have_their_way() {
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

/// Those who end an administrator's right, each in its own way.
async fn end_right_of(engine: &Engine, user: &User, way: &str) {
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
async fn the_keys_of_an_administrator_go_with_their_right_and_the_operators_stay() {
    for way in ["demoted", "disabled", "deleted"] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        change(&engine, &ada, roles("admin")).await;
        let add = async |actor: Actor| {
            engine.administration.create_admin_key("a key", &by(actor), NOON).await.unwrap().1
        };
        let own = add(Actor::User(ada.id)).await;
        let by_key = add(Actor::AdminKey(own.id)).await;
        let operators = add(Actor::Operator).await;
        let by_operators_key = add(Actor::AdminKey(operators.id)).await;
        assert_eq!(by_key.created_by, KeyCreator::User(ada.id), "a key of a key is its maker's");
        assert_eq!(by_operators_key.created_by, KeyCreator::Operator);

        end_right_of(&engine, &ada, way).await;

        let mut stayed = vec![operators.id, by_operators_key.id];
        stayed.sort();
        let stored = engine.store.admin_keys().await.unwrap();
        assert_eq!(stored.iter().map(|key| key.id).collect::<Vec<_>>(), stayed, "{way}");
        let events = engine.audit_events().await;
        let told = events.iter().filter(|line| line.kind == AuditEventKind::AdminKeyRemoved);
        assert!(told.clone().all(|line| line.user == Some(ada.id) && line.reason.is_some()), "{way}");
        assert_eq!(told.count(), 2, "{way}");
    }
}

#[tokio::test]
async fn other_changes_of_an_administrator_leave_their_keys() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    change(&engine, &ada, roles("admin")).await;
    let reason = by(Actor::User(ada.id));
    engine.administration.create_admin_key("a key", &reason, NOON).await.unwrap();

    let both = UserChange { roles: Some(vec!["staff".into(), "admin".into()]), ..UserChange::default() };
    change(&engine, &ada, both).await;
    change(&engine, &ada, UserChange { email: Some(Some("a@b.example".into())), ..UserChange::default() })
        .await;

    assert_eq!(engine.store.admin_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_has_lost_the_right_makes_no_key_in_flight() {
    for way in ["demoted", "disabled", "deleted"] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        change(&engine, &ada, roles("admin")).await;
        let own =
            engine.administration.create_admin_key("a key", &by(Actor::User(ada.id)), NOON).await.unwrap().1;

        end_right_of(&engine, &ada, way).await;

        for actor in [Actor::User(ada.id), Actor::AdminKey(own.id)] {
            let made = engine.administration.create_admin_key("another", &by(actor), NOON).await;
            assert!(matches!(made, Err(ServiceError::Client(ClientError::Credential(_)))), "{way}: {made:?}");
        }
        assert!(engine.store.admin_keys().await.unwrap().is_empty(), "{way}");
    }
}
