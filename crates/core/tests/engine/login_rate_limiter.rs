//! Rate limits of logins, password changes and registrations.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::ClientError;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, Mode, Session};
use counterfoil_core::model::user::User;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::{Credentials, Registration};
use counterfoil_core::services::login_rate_limiter::{
    AccountCounter, CountedEvent, CounterScope, RateLimit, RateLimits,
};
use counterfoil_core::services::password_hasher::InlineHasher;
use counterfoil_core::store::{Change, CommitOutcome, LoginName};
use counterfoil_jose::{Secret, Time};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::ClientId;
use tokio::task::JoinSet;

use crate::harness::{CHEAP, Engine, GRACE, NOON, PASSWORD, after};

const WRONG: &str = "wrong horse battery";
const DAY: u64 = 86_400;

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Rejected,
    /// The client must wait this many seconds.
    RateLimited(u64),
}

fn client_info(ip: &str) -> ClientInfo {
    ClientInfo { ip: Some(ip.parse::<IpAddr>().unwrap()), user_agent: None }
}

fn outcome<T>(outcome: Result<T, ServiceError>) -> Outcome {
    match outcome {
        Ok(_) => Outcome::Accepted,
        Err(ServiceError::Client(ClientError::LoginFailed(_) | ClientError::PasswordChangeFailed(_))) => {
            Outcome::Rejected
        }
        Err(ServiceError::Client(ClientError::RateLimited(reached))) => {
            Outcome::RateLimited(reached.retry_after.as_secs())
        }
        Err(other) => panic!("{other:?}"),
    }
}

async fn attempt(engine: &Engine, name: &str, password: &str, ip: &str, now: Time) -> Outcome {
    let presented = Credentials {
        username: name.into(),
        password: Secret::new(password.into()),
        client: ClientId::default(),
        mode: Mode::Session,
    };
    outcome(engine.accounts.authenticate(&presented, &client_info(ip), now).await)
}

async fn fail(engine: &Engine, name: &str, ip: &str, times: usize, now: Time) {
    for _ in 0..times {
        assert_eq!(attempt(engine, name, WRONG, ip, now).await, Outcome::Rejected);
    }
}

/// A hundred consecutive failures from five IPs, none of which exceeds its own limit.
async fn attack(engine: &Engine, name: &str, now: Time) {
    for network in 1..=5 {
        fail(engine, name, &format!("203.0.113.{network}"), 20, now).await;
    }
}

async fn register(engine: &Engine, name: &str, actor: Actor, ip: &str) -> Result<User, ServiceError> {
    let registration = Registration {
        username: name.into(),
        password: Secret::new(PASSWORD.into()),
        email: None,
        roles: Vec::new(),
        external_id: None,
    };
    engine.accounts.register(registration, actor, &client_info(ip), NOON).await
}

async fn with_ada() -> Engine {
    let engine = Engine::start().await;
    engine.ada().await;
    engine
}

#[tokio::test]
async fn after_20_failures_an_ip_is_rejected_even_with_the_right_password() {
    let engine = with_ada().await;
    fail(&engine, "ada", "192.0.2.1", 20, NOON).await;

    assert_eq!(attempt(&engine, "ada", WRONG, "192.0.2.1", after(300)).await, Outcome::RateLimited(600));
    assert_eq!(attempt(&engine, "ADA", PASSWORD, "192.0.2.1", after(300)).await, Outcome::RateLimited(600));
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.2", after(300)).await, Outcome::Accepted);
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", after(900)).await, Outcome::Accepted);
}

#[tokio::test]
async fn successful_logins_are_not_limited() {
    let engine = with_ada().await;
    for _ in 0..150 {
        assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", NOON).await, Outcome::Accepted);
    }
}

#[tokio::test]
async fn a_success_does_not_reset_the_limit_of_the_account_and_ip() {
    let engine = with_ada().await;
    fail(&engine, "ada", "192.0.2.1", 19, NOON).await;
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", NOON).await, Outcome::Accepted);

    fail(&engine, "ada", "192.0.2.1", 1, NOON).await;

    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", NOON).await, Outcome::RateLimited(900));
}

#[tokio::test]
async fn a_success_on_another_account_does_not_reset_the_limit_of_the_ip() {
    let engine = with_ada().await;
    engine.register("eve").await;
    for name in 0..99 {
        fail(&engine, &format!("victim{name}"), "192.0.2.1", 1, NOON).await;
        assert_eq!(attempt(&engine, "eve", PASSWORD, "192.0.2.1", NOON).await, Outcome::Accepted);
    }
    fail(&engine, "victim99", "192.0.2.1", 1, NOON).await;

    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", after(20)).await, Outcome::RateLimited(40));
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", after(60)).await, Outcome::Accepted);
}

#[tokio::test]
async fn an_ipv6_network_shares_one_limit_and_a_mapped_address_counts_as_ipv4() {
    let engine = with_ada().await;
    for host in 0..20 {
        fail(&engine, "ada", &format!("2001:db8::{host:x}"), 1, NOON).await;
    }
    fail(&engine, "bob", "::ffff:192.0.2.1", 20, NOON).await;

    assert_eq!(attempt(&engine, "ada", PASSWORD, "2001:db8::ffff", NOON).await, Outcome::RateLimited(900));
    assert_eq!(attempt(&engine, "ada", PASSWORD, "2001:db8:0:1::1", NOON).await, Outcome::Accepted);
    assert_eq!(attempt(&engine, "bob", WRONG, "192.0.2.1", NOON).await, Outcome::RateLimited(900));
}

#[tokio::test]
async fn unknown_and_disabled_users_are_limited_like_existing_ones() {
    let engine = with_ada().await;
    let bob = engine.register("bob").await;
    let disabled = Change::replace_user(bob.disabled(NOON));
    assert!(matches!(engine.store.commit(&[disabled].into()).await, Ok(CommitOutcome::Applied(_))));

    let mut histories = Vec::new();
    for (number, name) in ["ada", "bob", "unknown", "a@b", "\0", ""].into_iter().enumerate() {
        let mut history = Vec::new();
        for _ in 0..22 {
            history.push(attempt(&engine, name, WRONG, &format!("192.0.2.{number}"), NOON).await);
        }
        histories.push(history);
    }

    assert_eq!(histories[0][19..], [Outcome::Rejected, Outcome::RateLimited(900), Outcome::RateLimited(900)]);
    assert!(histories.iter().all(|history| *history == histories[0]), "{histories:?}");
}

#[tokio::test]
async fn a_hundred_consecutive_failures_lock_out_untrusted_ips_but_not_trusted_ones() {
    let engine = with_ada().await;
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", NOON).await, Outcome::Accepted);
    attack(&engine, "ada", after(1)).await;

    assert_eq!(attempt(&engine, "ada", PASSWORD, "198.51.100.1", after(1)).await, Outcome::RateLimited(DAY));
    assert_eq!(
        attempt(&engine, "ada", WRONG, "192.0.2.1", after(1)).await,
        Outcome::Rejected,
        "a trusted IP is not locked out"
    );
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", after(2)).await, Outcome::Accepted);

    // The owner's success has reset the count of consecutive failures.
    assert_eq!(attempt(&engine, "ada", PASSWORD, "198.51.100.1", after(2)).await, Outcome::Accepted);
}

#[tokio::test]
async fn one_ip_alone_does_not_close_an_account_to_unknown_ips() {
    let engine = with_ada().await;
    let mut answered = 0;
    // As many guesses as the limits allow, for almost a day.
    for quarter in 0..95 {
        for _ in 0..21 {
            let outcome = attempt(&engine, "ada", WRONG, "203.0.113.1", after(quarter * 900)).await;
            answered += u32::from(outcome == Outcome::Rejected);
        }
    }

    assert_eq!(answered, 25, "then the account rejects the IP");
    let late = after(95 * 900);
    assert_eq!(attempt(&engine, "ada", PASSWORD, "203.0.113.1", late).await, Outcome::RateLimited(900));
    assert_eq!(attempt(&engine, "bob", WRONG, "203.0.113.1", late).await, Outcome::Rejected);
    assert_eq!(attempt(&engine, "ada", PASSWORD, "198.51.100.1", late).await, Outcome::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_guesses_of_one_ip_add_no_more_than_its_part_to_the_account() {
    let engine = Arc::new(with_ada().await);
    let mut guesses = JoinSet::new();
    for _ in 0..150 {
        let engine = Arc::clone(&engine);
        guesses.spawn(async move { attempt(&engine, "ada", WRONG, "203.0.113.1", NOON).await });
    }
    guesses.join_all().await;

    let counted = count_of(&engine, CountedEvent::FailedLogins, None, NOON).await;
    assert!(counted.count <= 25, "{counted:?}");
    assert_eq!(attempt(&engine, "ada", PASSWORD, "198.51.100.1", NOON).await, Outcome::Accepted);
}

#[tokio::test]
async fn successful_logins_have_a_limit_of_their_own() {
    let limit = RateLimit { max: 3, window: Duration::from_secs(60) };
    let engine =
        Engine::with_limits(RateLimits { successful_per_account: limit, ..RateLimits::default() }).await;
    engine.ada().await;
    engine.register("eve").await;
    for _ in 1..=3 {
        assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.4", NOON).await, Outcome::Accepted);
    }

    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.4", after(20)).await, Outcome::RateLimited(40));
    assert_eq!(attempt(&engine, "eve", PASSWORD, "192.0.2.4", after(20)).await, Outcome::Accepted);
    assert_eq!(
        attempt(&engine, "ada", PASSWORD, "192.0.2.5", after(20)).await,
        Outcome::Accepted,
        "who knows the password keeps the owner out of no other network"
    );
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.4", after(60)).await, Outcome::Accepted);
}

#[tokio::test]
async fn successful_logins_from_one_ip_have_a_limit() {
    let limit = RateLimit { max: 2, window: Duration::from_secs(60) };
    let engine = Engine::with_limits(RateLimits { successful_per_ip: limit, ..RateLimits::default() }).await;
    engine.ada().await;
    engine.register("eve").await;
    for name in ["ada", "eve"] {
        assert_eq!(attempt(&engine, name, PASSWORD, "192.0.2.1", NOON).await, Outcome::Accepted);
    }

    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", NOON).await, Outcome::RateLimited(60));
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.2", NOON).await, Outcome::Accepted);
}

/// What is counted for ada.
async fn count_of(engine: &Engine, event: CountedEvent, ip: Option<&str>, now: Time) -> AccountCounter {
    let ada = LoginName::Username("ada".into());
    let ada = engine.store.user_by_login(&ada).await.unwrap().unwrap();
    let client_ips = ip.map(|ip| ip.parse().unwrap()).into_iter().collect();
    let scope = CounterScope { client_ips, ..CounterScope::of_user(&ada) };
    let counters = engine.accounts.counters_in(&scope, now).await.unwrap();
    counters.into_iter().find(|counter| counter.event == event).unwrap()
}

#[tokio::test]
async fn an_operator_sees_what_is_counted_for_an_account() {
    let engine = with_ada().await;
    let session = engine.session(NOON).await.session;
    attack(&engine, "ada", NOON).await;
    assert_eq!(change(&engine, &session, WRONG, NOON).await, Outcome::Rejected);

    let failed = count_of(&engine, CountedEvent::FailedLogins, None, after(1)).await;
    assert_eq!((failed.count, failed.login_name.as_deref()), (100, Some("ada")));
    assert_eq!(failed.blocked_until(), Some(after(DAY)));
    let from_ip = count_of(&engine, CountedEvent::FailedLoginsFromIp, Some("203.0.113.1"), NOON).await;
    assert_eq!((from_ip.count, from_ip.blocked_until()), (20, Some(after(900))));
    let other = count_of(&engine, CountedEvent::FailedLoginsFromIp, Some("192.0.2.9"), NOON).await;
    assert_eq!((other.count, other.resets_at, other.blocked_until()), (0, None, None));
    let wrong = count_of(&engine, CountedEvent::WrongCurrentPasswords, None, NOON).await;
    assert_eq!((wrong.count, wrong.limit.max, wrong.blocked_until()), (1, 100, None));
}

#[tokio::test]
async fn a_success_on_another_account_does_not_reset_consecutive_failures() {
    let engine = with_ada().await;
    engine.register("eve").await;
    attack(&engine, "ada", NOON).await;

    assert_eq!(attempt(&engine, "eve", PASSWORD, "198.51.100.1", NOON).await, Outcome::Accepted);

    assert_eq!(attempt(&engine, "ada", PASSWORD, "198.51.100.1", NOON).await, Outcome::RateLimited(DAY));
    assert_eq!(attempt(&engine, "ada", PASSWORD, "198.51.100.1", after(DAY)).await, Outcome::Accepted);
}

#[tokio::test]
async fn an_ip_is_trusted_for_30_days_after_its_last_login() {
    let engine = with_ada().await;
    for day in [0, 20, 40] {
        assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", after(day * DAY)).await, Outcome::Accepted);
    }

    attack(&engine, "ada", after(69 * DAY)).await;
    assert_eq!(attempt(&engine, "ada", WRONG, "192.0.2.1", after(69 * DAY)).await, Outcome::Rejected);
    attack(&engine, "ada", after(71 * DAY)).await;
    assert_eq!(attempt(&engine, "ada", WRONG, "192.0.2.1", after(71 * DAY)).await, Outcome::RateLimited(DAY));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_twenty_of_a_hundred_concurrent_guesses_are_answered() {
    let engine = Arc::new(with_ada().await);
    let mut guesses = JoinSet::new();
    for _ in 0..100 {
        let engine = Arc::clone(&engine);
        guesses.spawn(async move { attempt(&engine, "ada", WRONG, "192.0.2.1", NOON).await });
    }
    let outcome = guesses.join_all().await;

    assert_eq!(outcome.iter().filter(|outcome| **outcome == Outcome::Rejected).count(), 20);
    assert_eq!(outcome.iter().filter(|outcome| **outcome == Outcome::RateLimited(900)).count(), 80);
}

#[tokio::test]
async fn counters_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let open = async || {
        let store = SqliteStore::open(&dir.path().join("auth.db")).unwrap();
        let hasher = InlineHasher::new(CHEAP).map(Arc::new).unwrap();
        Engine::on(store, hasher, GRACE, None).await
    };
    let engine = open().await;
    engine.ada().await;
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", NOON).await, Outcome::Accepted);
    attack(&engine, "ada", NOON).await;
    engine.store.close().await.unwrap();
    drop(engine);

    let engine = open().await;

    assert_eq!(
        attempt(&engine, "ada", PASSWORD, "203.0.113.1", after(60)).await,
        Outcome::RateLimited(DAY - 60)
    );
    assert_eq!(
        attempt(&engine, "ada", PASSWORD, "192.0.2.9", after(60)).await,
        Outcome::RateLimited(DAY - 60)
    );
    assert_eq!(
        attempt(&engine, "ada", PASSWORD, "192.0.2.1", after(60)).await,
        Outcome::Accepted,
        "the IP is trusted"
    );
    assert_eq!(attempt(&engine, "ada", PASSWORD, "203.0.113.1", after(60)).await, Outcome::RateLimited(840));
}

#[tokio::test]
async fn anonymous_registrations_are_limited_per_ip_and_those_of_operators_are_not() {
    let engine = Engine::start().await;
    for number in 0..100 {
        // A taken name counts, too.
        let name = if number % 2 == 0 { format!("user{number}") } else { "user0".into() };
        let outcome = register(&engine, &name, Actor::Anonymous, "192.0.2.1").await;
        assert!(
            matches!(outcome, Ok(_) | Err(ServiceError::Client(ClientError::UsernameTaken))),
            "{outcome:?}"
        );
    }

    let wait = Duration::from_secs(3600);
    let beyond = register(&engine, "ada", Actor::Anonymous, "192.0.2.1").await;
    assert!(
        matches!(beyond, Err(ServiceError::Client(ClientError::RateLimited(reached))) if reached.retry_after == wait),
        "{beyond:?}"
    );
    assert!(register(&engine, "ada", Actor::Operator, "192.0.2.1").await.is_ok());
    assert!(register(&engine, "bob", Actor::Anonymous, "192.0.2.2").await.is_ok());
}

/// A password change with this session.
async fn change(engine: &Engine, session: &Session, current: &str, now: Time) -> Outcome {
    outcome(engine.change_password(session, (current, "another horse altogether"), now).await)
}

#[tokio::test]
async fn after_20_wrong_current_passwords_a_session_cannot_change_the_password() {
    let engine = Engine::start().await;
    engine.ada().await;
    let session = engine.session(NOON).await.session;
    for _ in 0..20 {
        assert_eq!(change(&engine, &session, WRONG, NOON).await, Outcome::Rejected);
    }

    assert_eq!(change(&engine, &session, PASSWORD, NOON).await, Outcome::RateLimited(86_400));
    // Logins have a separate limit.
    assert_eq!(attempt(&engine, "ada", PASSWORD, "192.0.2.1", NOON).await, Outcome::Accepted);
    // A new session has its own limit; it requires a login, which the thief of a session cannot do.
    let new_session = engine.session(after(60)).await.session;
    assert_eq!(change(&engine, &new_session, PASSWORD, after(60)).await, Outcome::Accepted);
}

#[tokio::test]
async fn guesses_in_a_stolen_session_do_not_block_the_owners_password_change() {
    let engine = Engine::start().await;
    engine.ada().await;
    let (stolen, own) = (engine.session(NOON).await.session, engine.session(NOON).await.session);
    // As many guesses as the limit allows, for almost a whole window.
    for hour in 0..23 {
        for _ in 0..20 {
            let _ = change(&engine, &stolen, WRONG, after(hour * 3600)).await;
        }
    }

    assert_eq!(change(&engine, &own, PASSWORD, after(23 * 3600)).await, Outcome::Accepted);
}

#[tokio::test]
async fn all_sessions_of_a_user_together_have_a_hundred_consecutive_guesses() {
    let engine = Engine::start().await;
    engine.ada().await;
    let mut answered = 0;
    for _ in 0..6 {
        let session = engine.session(NOON).await.session;
        for _ in 0..20 {
            answered += u32::from(change(&engine, &session, WRONG, NOON).await == Outcome::Rejected);
        }
    }

    assert_eq!(answered, 100);
}

#[tokio::test]
async fn the_store_does_not_contain_typed_names() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("auth.db");
    let store = SqliteStore::open(&file).unwrap();
    let hasher = InlineHasher::new(CHEAP).map(Arc::new).unwrap();
    let engine = Engine::on(store, hasher, GRACE, None).await;
    fail(&engine, "hunter2-typed-as-name", "2001:db8::77", 1, NOON).await;
    engine.store.close().await.unwrap();

    let stored = std::fs::read(&file).unwrap();
    let holds = |word: &[u8]| stored.windows(word.len()).any(|window| window == word);
    assert!(holds(b"login_failed"), "the file contains the audit event");
    assert!(!holds(b"hunter2"));
}
