//! What a handler of the application does for a user is in the audit log as the act of the user.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil::{
    Actor, AuditEvent, AuditEventKind, ClientInfo, Counterfoil, Credentials, EndReason, Except, LoginOutcome,
    NewUser, SessionId,
};

use crate::fixture::Fixture;

const PASSWORD: &str = "correct horse";

/// The events that the listener has got.
type Events = Arc<Mutex<Vec<AuditEvent>>>;

/// The events, once the listener has got one of this kind. It runs on a thread of its own.
async fn events_up_to(events: &Events, kind: AuditEventKind) -> Vec<AuditEvent> {
    for _ in 0..1000 {
        let events = events.lock().unwrap().clone();
        if events.iter().any(|event| event.kind == kind) {
            return events;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no event {kind:?}: {:?}", events.lock().unwrap());
}

#[tokio::test]
async fn what_a_handler_does_for_a_user_is_the_act_of_the_user() {
    let fixture = Fixture::new();
    let (argon2, events) = (fixture.settings().argon2, Events::default());
    let sink = Arc::clone(&events);
    let auth = Counterfoil::builder()
        .store(format!("sqlite:{}", fixture.path("shop.db").display()))
        .configure(move |settings| settings.argon2 = argon2)
        .on_event(move |event| sink.lock().unwrap().push(event.clone()))
        .open()
        .await
        .unwrap();
    let ip = Some("203.0.113.9".parse().unwrap());
    let client = ClientInfo::new(ip, Some("a browser".into()));
    let ada = auth.register(&client, NewUser::new("ada", PASSWORD)).await.unwrap();
    let log_in = async || auth.login(&client, Credentials::password("ada", PASSWORD)).await.unwrap();
    let principal =
        async |login: &LoginOutcome| auth.authenticate(login.session_token().unwrap()).await.unwrap();
    let (first, second, third, kept) = (log_in().await, log_in().await, log_in().await, log_in().await);

    auth.logout(&principal(&first).await).await.unwrap();
    let user = principal(&kept).await;
    auth.sessions(&user).by_client(&client).end(second.session_id()).await.unwrap();
    auth.sessions(&user).end_all(Except::Current).await.unwrap();
    auth.change_password(&client, &user, PASSWORD, "incorrect zebra").await.unwrap();

    let events = events_up_to(&events, AuditEventKind::PasswordChanged).await;
    auth.close().await.unwrap();
    // At a registration there is no user yet.
    let acts = events.iter().filter(|event| event.user == Some(ada));
    let acts: Vec<_> = acts.filter(|event| event.kind != AuditEventKind::UserRegistered).collect();
    assert!(acts.len() > 6 && acts.iter().all(|event| event.actor == Actor::User(ada)), "{acts:?}");
    let end_of = |session: SessionId| {
        let is_its_end = |event: &&AuditEvent| {
            event.kind == AuditEventKind::SessionEnded && event.session == Some(session)
        };
        let end = events.iter().find(is_its_end).unwrap_or_else(|| panic!("no end: {events:?}"));
        (end.reason, end.client_info.ip)
    };
    assert_eq!(end_of(first.session_id()), (Some(EndReason::Logout), None));
    assert_eq!(end_of(second.session_id()), (Some(EndReason::ByUser), ip));
    assert_eq!(end_of(third.session_id()), (Some(EndReason::ByUser), None));
}
