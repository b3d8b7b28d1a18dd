//! The example with its own login page, run as it is: login, logout and errors from the application's handlers.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil::{
    AuditEventKind, ClientInfo, CookieOptions, Counterfoil, Credentials, EmbedError, EndReason, ErrorKind,
    Except, Limits, Mode, NewUser,
};
use tokio::sync::oneshot;

use crate::client::{Reply, send};
use crate::fixture::Fixture;

#[path = "../../../../examples/login_page.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod login_page;

const ORIGIN: &str = "origin: http://localhost:3000";
const FORM: &str = "content-type: application/x-www-form-urlencoded";
const ADA: &str = "username=ada&password=correct+horse";

/// The events that the listener has got.
type Events = Arc<Mutex<Vec<(AuditEventKind, Option<EndReason>)>>>;

async fn open(fixture: &Fixture, events: Events) -> Counterfoil {
    let settings = fixture.settings();
    let auth = Counterfoil::builder()
        .store(format!("sqlite:{}", fixture.path("shop.db").display()))
        .base_path("/auth")
        .cookies(CookieOptions::new().name("shop"))
        .configure(move |own| own.argon2 = settings.argon2)
        .on_event(move |event| events.lock().unwrap().push((event.kind, event.reason)))
        .open()
        .await
        .unwrap();
    let user = NewUser::new("ada", "correct horse");
    auth.register(&ClientInfo::new(None, None), user).await.unwrap();
    auth
}

/// Serves the example with the limits of the server. The sender ends it.
fn serve(auth: &Counterfoil) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    tokio::spawn(counterfoil::serve(login_page::shop(auth), listener, Limits::default(), shutdown));
    (address, stop)
}

async fn log_in(address: SocketAddr, headers: &[&str]) -> Reply {
    let headers: Vec<&str> = [&[FORM, ORIGIN], headers].concat();
    send(address, "POST /login", &headers, ADA).await
}

fn session_cookie(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{reply:?}");
    format!("cookie: {}", reply.cookie("shop="))
}

#[tokio::test]
async fn a_user_logs_in_and_out_with_the_applications_form() {
    let fixture = Fixture::new();
    let events = Events::default();
    let auth = open(&fixture, Arc::clone(&events)).await;
    let (address, _stop) = serve(&auth);

    let cookie = session_cookie(&log_in(address, &[]).await);
    assert!(send(address, "GET /", &[&cookie], "").await.body.starts_with("1 session(s)"));
    assert_eq!(send(address, "GET /auth/v1/me", &[&cookie], "").await.status, 200);

    let out = send(address, "POST /logout", &[&cookie, ORIGIN], "").await;
    assert_eq!((out.status, out.cookie("shop=")), (303, "shop=".to_owned()));
    assert!(send(address, "GET /", &[&cookie], "").await.body.starts_with("<form"));
    auth.close().await.unwrap();
    auth.clone().close().await.unwrap();
    // The listener runs on a thread of its own.
    let expected = (AuditEventKind::SessionEnded, Some(EndReason::Logout));
    for _ in 0..500 {
        if events.lock().unwrap().contains(&expected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no event: {events:?}");
}

#[tokio::test]
async fn a_login_ends_the_session_of_the_same_browser_and_no_other() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let (address, _stop) = serve(&auth);
    let (phone, laptop) = (log_in(address, &[]).await, log_in(address, &[]).await);
    let (phone, laptop) = (session_cookie(&phone), session_cookie(&laptop));

    let again = session_cookie(&log_in(address, &[&laptop]).await);

    let body = async |cookie: &str| send(address, "GET /", &[cookie], "").await.body;
    assert!(body(&laptop).await.starts_with("<form"));
    assert!(body(&again).await.starts_with("2 session(s)") && body(&phone).await.starts_with("2 session(s)"));
    let everywhere = send(address, "POST /logout-everywhere", &[&again, ORIGIN], "").await;
    assert_eq!((everywhere.status, everywhere.cookie("shop=")), (303, "shop=".to_owned()));
    assert!(body(&again).await.starts_with("<form") && body(&phone).await.starts_with("<form"));
    auth.close().await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let (address, _stop) = serve(&auth);

    let reply = send(address, "POST /login", &[FORM, ORIGIN], "username=ada&password=wrong+horse").await;

    assert!(reply.status == 200 && reply.body.starts_with("The username or the password is wrong."));
    assert!(!reply.head.contains("set-cookie"), "{reply:?}");
    auth.close().await.unwrap();
}

/// Otherwise an attacker's page could log the user in as the attacker.
#[tokio::test]
async fn a_form_of_another_site_cannot_log_in() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let (address, _stop) = serve(&auth);

    for header in ["origin: https://attacker.example", "sec-fetch-site: cross-site"] {
        let reply = send(address, "POST /login", &[FORM, header], ADA).await;
        assert_eq!(reply.status, 403, "{header}: {reply:?}");
    }
    auth.close().await.unwrap();
}

#[tokio::test]
async fn two_different_session_cookies_are_refused_by_a_login() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let (address, _stop) = serve(&auth);
    let one = session_cookie(&log_in(address, &[]).await);

    let reply = log_in(address, &[&one, "cookie: shop=cfs_other"]).await;

    assert_eq!(
        (reply.status, reply.json()["code"].as_str()),
        (400, Some("ambiguous_credential")),
        "{reply:?}"
    );
    auth.close().await.unwrap();
}

#[tokio::test]
async fn handlers_log_in_in_every_mode_and_end_sessions_by_id() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let client = ClientInfo::new(Some("203.0.113.9".parse().unwrap()), Some("test".into()));
    let credentials = || Credentials::password("ada", "correct horse");

    let hybrid = auth.login(&client, credentials().mode(Mode::Hybrid).bearer().label("Phone")).await.unwrap();
    let refreshed = auth.refresh_token(&client, hybrid.refresh_token().unwrap()).await.unwrap();
    let jwt = auth.login(&client, credentials().mode(Mode::Jwt).bearer()).await.unwrap();
    let session = auth.login(&client, credentials()).await.unwrap();

    assert_eq!(refreshed.session_id(), hybrid.session_id());
    assert!(jwt.access_token().is_some() && jwt.cookies().lines().count() == 0);
    assert!(session.session_token().is_some() && session.cookies().lines().count() == 1);
    let principal = auth.authenticate(session.session_token().unwrap()).await.unwrap();
    let sessions = auth.sessions(&principal).list().await.unwrap();
    assert_eq!(sessions.len(), 3);
    let phone = sessions.iter().find(|one| one.label.as_deref() == Some("Phone")).unwrap();
    assert!(!phone.is_current && phone.mode == Mode::Hybrid && phone.ip == client.ip());
    let ended = auth.sessions(&principal).end(phone.id).await.unwrap();
    assert_eq!((ended.count(), ended.cookies().lines().count()), (1, 0));
    let others = auth.sessions(&principal).end_all(Except::Current).await.unwrap();
    assert_eq!(others.count(), 1);
    let refused = auth.refresh_token(&client, refreshed.refresh_token().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidCredential);
    auth.close().await.unwrap();
}

#[tokio::test]
async fn a_builder_names_what_is_wrong() {
    let open = |builder: counterfoil::CounterfoilBuilder| builder.open();

    let error = open(Counterfoil::builder()).await.unwrap_err();
    assert!(matches!(error, EmbedError::NoStore), "{error}");
    let builder = || Counterfoil::builder().store("sqlite:never-created.db");
    for (builder, expected) in [
        (builder().base_path("auth"), "the base path must be"),
        (builder().issuer("http://shop.example"), "the issuer must use https"),
        (builder().cookies(CookieOptions::new().name("a b")), "a cookie name must be"),
        (builder().cookies(CookieOptions::new().domain("shop.example")), "the cookie domain `shop.example`"),
    ] {
        let error = open(builder).await.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert!(!std::path::Path::new("never-created.db").exists());
}

/// A program that got a token for one scope must not be able to log the user out everywhere.
#[tokio::test]
async fn a_token_limited_by_scope_ends_no_sessions() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let (address, _stop) = serve(&auth);
    let client = ClientInfo::new(None, None);
    let session = auth.login(&client, Credentials::password("ada", "correct horse")).await.unwrap();
    let bearer = format!("authorization: Bearer {}", session.session_token().unwrap());
    let request = r#"{"audience":"http://localhost:3000","scope":"orders:read"}"#;
    let exchanged = send(address, "POST /auth/v1/token", &[&bearer], request).await;
    let limited = format!("authorization: Bearer {}", exchanged.json()["access_token"].as_str().unwrap());

    let refused = send(address, "POST /logout-everywhere", &[&limited, ORIGIN], "").await;

    assert_eq!(refused.status, 403, "{refused:?}");
    let principal = auth.authenticate(exchanged.json()["access_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(auth.logout(&principal).await.unwrap_err().kind(), ErrorKind::NotAllowed);
    assert_eq!(send(address, "GET /auth/v1/me", &[&bearer], "").await.status, 200);
    auth.close().await.unwrap();
}

#[tokio::test]
async fn a_logout_of_a_client_ends_the_session_of_its_refresh_cookie() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let client = ClientInfo::new(None, None);
    let credentials = Credentials::password("ada", "correct horse").mode(Mode::Hybrid);
    let login = auth.login(&client, credentials).await.unwrap();
    let token = login.refresh_token().unwrap().to_owned();
    let logout = axum::routing::post({
        let auth = auth.clone();
        move |client: ClientInfo| async move { auth.logout_client(&client).await.map(|cookies| (cookies, "bye")) }
    });
    let router = axum::Router::new().route("/bye", logout).layer(auth.layer());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(counterfoil::serve(router, listener, Limits::default(), std::future::pending()));

    let cookie = format!("cookie: shop-refresh={token}");
    let reply = send(address, "POST /bye", &[&cookie, ORIGIN], "").await;

    assert_eq!((reply.status, reply.cookie("shop-refresh=")), (200, "shop-refresh=".to_owned()));
    let refused = auth.refresh_token(&client, &token).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidCredential);
    auth.close().await.unwrap();
}

/// Otherwise a refresh token that another host of the domain has set would replace the user's session.
#[tokio::test]
async fn a_refresh_neither_sets_nor_clears_the_session_cookie() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let client = ClientInfo::new(None, None);
    let credentials = Credentials::password("ada", "correct horse").mode(Mode::Hybrid);
    let login = auth.login(&client, credentials).await.unwrap();
    let refresh = axum::routing::post({
        let auth = auth.clone();
        move |client: ClientInfo| async move { auth.refresh(&client).await.map(|pair| (pair.cookies(), "again")) }
    });
    let router = axum::Router::new().route("/refresh", refresh).layer(auth.layer());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(counterfoil::serve(router, listener, Limits::default(), std::future::pending()));

    let cookie = format!("cookie: shop=cfs_other; shop-refresh={}", login.refresh_token().unwrap());
    let reply = send(address, "POST /refresh", &[&cookie, ORIGIN], "").await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.cookie("shop-refresh=").starts_with("shop-refresh=cfr_"));
    assert!(!reply.head.contains("set-cookie: shop="), "{reply:?}");
    auth.close().await.unwrap();
}

/// The order must not decide between them, but a user with the right password gets out of it.
#[tokio::test]
async fn a_login_replaces_cookies_of_two_kinds() {
    let fixture = Fixture::new();
    let auth = open(&fixture, Events::default()).await;
    let (address, _stop) = serve(&auth);
    let two = "cookie: shop=cfs_old; shop-access=old";

    assert_eq!(send(address, "GET /", &[two], "").await.status, 400);
    let reply = log_in(address, &[two]).await;

    assert_eq!((reply.status, reply.cookie("shop-access=")), (303, "shop-access=".to_owned()), "{reply:?}");
    auth.close().await.unwrap();
}

#[tokio::test]
async fn the_listener_learns_whose_session_has_ended() {
    let fixture = Fixture::new();
    let (sender, events) = std::sync::mpsc::channel();
    let sender = Mutex::new(sender);
    let settings = fixture.settings();
    let auth = Counterfoil::builder()
        .store(format!("sqlite:{}", fixture.path("shop.db").display()))
        .configure(move |own| {
            own.argon2 = settings.argon2;
            own.max_sessions = NonZeroU32::new(1);
        })
        .on_event(move |event| sender.lock().unwrap().send((event.kind, event.user)).unwrap())
        .open()
        .await
        .unwrap();
    let client = ClientInfo::new(None, None);
    let ada = auth.register(&client, NewUser::new("ada", "correct horse")).await.unwrap();
    auth.login(&client, Credentials::password("ada", "correct horse")).await.unwrap();
    let login = auth.login(&client, Credentials::password("ada", "correct horse")).await.unwrap();

    let user = auth.authenticate(login.session_token().unwrap()).await.unwrap();
    auth.logout(&user).await.unwrap();

    let mut ends = events.iter().filter(|(kind, _)| *kind == AuditEventKind::SessionEnded);
    assert_eq!(ends.next().unwrap().1, Some(ada), "at the limit of sessions");
    assert_eq!(ends.next().unwrap().1, Some(ada), "by the logout");
    auth.close().await.unwrap();
}
