//! What an administrator changes, against what is in flight.

use std::time::Duration;

use counterfoil_core::kept::client::{Lifetimes, LifetimesChange};
use counterfoil_core::kept::session::Cause;
use counterfoil_core::kept::user::User;
use counterfoil_core::policy::Trouble;
use counterfoil_core::policy::administration::{ClientChange, UserChange, horizon_of};
use counterfoil_core::policy::issuer::Opening;
use counterfoil_core::{Refusal, Unfit};
use counterfoil_jose::Secret;
use counterfoil_verify::{Position, Subject};

use crate::harness::{Engine, NOON, PASSWORD, after, because, nowhere};

fn roles(role: &str) -> UserChange {
    UserChange { roles: Some(vec![role.into()]), ..UserChange::default() }
}

async fn change(engine: &Engine, user: &User, change: UserChange) {
    engine.administration.change_user(user.id, &change, &because(Cause::ByAdmin), NOON).await.unwrap();
}

#[tokio::test]
async fn a_login_in_flight_gets_the_roles_that_it_has_when_it_is_done() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let judged = engine.judge("ada", PASSWORD, NOON).await.unwrap();

    change(&engine, &ada, roles("staff")).await;

    let opened = engine.issuer.issue_access(judged, Opening::default(), NOON).await.unwrap();
    let principal = engine.admit_access(&opened.issued, NOON).await.unwrap();
    assert_eq!(principal.roles(), ["staff"]);
}

#[tokio::test]
async fn a_login_in_flight_loses_against_being_locked_out_or_deleted() {
    for is_deleted in [false, true] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        let judged = engine.judge("ada", PASSWORD, NOON).await.unwrap();

        if is_deleted {
            engine.administration.delete_user(ada.id, &because(Cause::ByAdmin), NOON).await.unwrap();
        } else {
            change(&engine, &ada, UserChange { disabled: Some(true), ..UserChange::default() }).await;
        }

        let opened = engine.issuer.open_session(judged, Opening::default(), NOON).await;
        assert!(matches!(opened, Err(Trouble::Refused(Refusal::SignIn))), "{opened:?}");
    }
}

#[tokio::test]
async fn a_login_in_flight_is_dead_where_everyone_was_revoked() {
    let engine = Engine::start().await;
    engine.ada().await;
    let judged = engine.judge("ada", PASSWORD, NOON).await.unwrap();

    let reason = because(Cause::ByAdmin);
    engine.administration.revoke(&Subject::Everyone, None, &reason, NOON).await.unwrap();

    let opened = engine.issuer.open_session(judged, Opening::default(), NOON).await.unwrap();
    assert!(engine.admit_session(&opened.issued, NOON).await.is_err());
}

/// Who was admitted a moment before is stamped anew by ending all others; that is not to bring them back.
#[tokio::test]
async fn a_session_that_a_mark_has_killed_ends_no_others_and_does_not_come_back() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (current, other) = (engine.session(NOON).await, engine.session(NOON).await);
    let reason = because(Cause::ByAdmin);
    engine.administration.revoke(&Subject::Everyone, None, &reason, NOON).await.unwrap();

    let id = Some(current.session.id);
    let ended = engine.revoker.end_all(ada.id, id, &because(Cause::ByUser), NOON).await;
    let (old, new) = (Secret::new(PASSWORD.into()), Secret::new("another horse battery".into()));
    let changed = engine.sign_in.change_password(ada.id, id, (&old, &new), &nowhere(), NOON).await;

    let marked = Refusal::Credential(Unfit::Marked);
    assert!(matches!(ended, Err(Trouble::Refused(refusal)) if refusal == marked));
    assert!(matches!(changed, Err(Trouble::Refused(refusal)) if refusal == marked));
    for dead in [&current, &other] {
        assert!(engine.admit_session(&dead.issued, NOON).await.is_err());
    }
}

#[tokio::test]
async fn a_revocation_is_remembered_for_as_long_as_any_client_lets_a_token_live() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (reason, day) = (because(Cause::ByAdmin), Duration::from_secs(86_400));
    let lifetimes = |jwt| LifetimesChange { jwt: Some(jwt), ..LifetimesChange::default() };
    let slow = ClientChange { lifetimes: lifetimes(86_400), ..ClientChange::default() };
    let client =
        engine.administration.add_client("slow".parse().unwrap(), slow, &reason, NOON).await.unwrap();

    let user = Subject::User(ada.id);
    engine.administration.revoke(&user, None, &reason, NOON).await.unwrap();

    let entries = engine.store.log_after(Position::START).await.unwrap().entries;
    assert!(entries.last().unwrap().until.unwrap() >= NOON + day, "{entries:?}");
    // What was given lives on when lifetimes are shortened, and the next process knows that.
    let quick = ClientChange { lifetimes: lifetimes(60), ..ClientChange::default() };
    engine.administration.change_client(&client.id, &quick, &reason, after(1)).await.unwrap();
    assert_eq!(horizon_of(&*engine.store, Duration::ZERO).await.unwrap().longest_access(), day);
    let untouched = Engine::start().await;
    let usual = horizon_of(&*untouched.store, Duration::ZERO).await.unwrap().longest_access();
    assert_eq!(usual, Lifetimes::default().longest_access());
}

#[tokio::test]
async fn a_change_that_was_refused_hides_no_longer_life_from_the_next_process() {
    let engine = Engine::start().await;
    let (reason, day) = (because(Cause::ByAdmin), Duration::from_secs(86_400));
    let lifetimes = |jwt| LifetimesChange { jwt: Some(jwt), ..LifetimesChange::default() };
    let slow = ClientChange { lifetimes: lifetimes(86_400), ..ClientChange::default() };
    let taken =
        engine.administration.add_client("default".parse().unwrap(), slow.clone(), &reason, NOON).await;
    assert!(matches!(taken, Err(Trouble::Refused(Refusal::Exists(_)))));

    let default = "default".parse().unwrap();
    engine.administration.change_client(&default, &slow, &reason, NOON).await.unwrap();
    let quick = ClientChange { lifetimes: lifetimes(60), ..ClientChange::default() };
    engine.administration.change_client(&default, &quick, &reason, NOON).await.unwrap();

    assert_eq!(horizon_of(&*engine.store, Duration::ZERO).await.unwrap().longest_access(), day);
}

#[tokio::test]
async fn two_who_change_one_user_at_a_time_both_have_their_way() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let session = engine.session(NOON).await;
    let reason = because(Cause::ByAdmin);
    let email = UserChange { email: Some(Some("ada@example.org".into())), ..UserChange::default() };
    let (staff, email) = (&roles("staff"), &email);

    let (first, second) = tokio::join!(
        engine.administration.change_user(ada.id, staff, &reason, NOON),
        engine.administration.change_user(ada.id, email, &reason, NOON),
    );

    assert!(first.is_ok() && second.is_ok());
    let kept = engine.store.user(ada.id).await.unwrap().unwrap();
    assert_eq!((kept.roles, kept.email.as_deref()), (vec!["staff".to_owned()], Some("ada@example.org")));
    let principal = engine.admit_session(&session.issued, NOON).await.unwrap();
    assert_eq!(principal.roles(), ["staff"]);
}
