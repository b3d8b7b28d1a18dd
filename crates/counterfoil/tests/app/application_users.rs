//! The example with its own user table: its users log in over HTTP, and changes of the table end sessions.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use counterfoil::{
    Actor, ApplicationPassword, ApplicationUser, AuditEventKind, ClientInfo, Counterfoil, Credentials,
    EndReason, ErrorKind, ExternalId, UserStore, UserStoreError, async_trait,
};
use serde_json::{Value, json};

use crate::client::{Reply, send};
use crate::fixture::Fixture;

#[path = "../../../../examples/own_user_table.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod own_user_table;

use own_user_table::{Users, id_of};

/// The table of the example, which can fail and verify passwords itself.
#[derive(Clone)]
struct Table {
    users: Users,
    fails: Arc<AtomicBool>,
}

#[async_trait]
impl UserStore for Table {
    async fn find_by_login(&self, login: &str) -> Result<Option<ApplicationUser>, UserStoreError> {
        self.check()?;
        self.users.find_by_login(login).await
    }

    async fn find(&self, id: &ExternalId) -> Result<Option<ApplicationUser>, UserStoreError> {
        self.check()?;
        self.users.find(id).await
    }

    async fn verify_password(
        &self,
        user: Option<&ApplicationUser>,
        password: &str,
    ) -> Result<bool, UserStoreError> {
        // Nothing that is returned without a user may log anyone in.
        Ok(user.is_none() || password == "open sesame")
    }
}

impl Table {
    fn check(&self) -> Result<(), UserStoreError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(UserStoreError::new("the database is down")),
            false => Ok(()),
        }
    }

    fn change(&self, change: impl FnOnce(&mut ApplicationUser)) {
        change(self.users.lock().get_mut(&42).unwrap());
    }

    fn insert(&self, id: u32, user: ApplicationUser) {
        self.users.lock().insert(id, user);
    }

    fn remove(&self, id: u32) {
        self.users.lock().remove(&id);
    }
}

/// The events that the listener has got.
type Events = Arc<Mutex<Vec<(AuditEventKind, Actor, Option<EndReason>)>>>;

/// The example's application on a free port.
struct TestShop {
    auth: Counterfoil,
    table: Table,
    events: Events,
    address: SocketAddr,
}

/// What a client gets from logins in all three modes.
struct Logins {
    session: String,
    jwt: String,
    hybrid: String,
    refresh_token: String,
}

impl TestShop {
    async fn open(fixture: &Fixture) -> Self {
        let table = Table { users: Users::with_ada(), fails: Arc::default() };
        let events = Events::default();
        let sink = Arc::clone(&events);
        let argon2 = fixture.settings().argon2;
        let auth = Counterfoil::builder()
            .store(format!("sqlite:{}", fixture.path("shop.db").display()))
            .configure(move |settings| settings.argon2 = argon2)
            .users(table.clone())
            .on_event(move |event| {
                sink.lock().unwrap().push((event.kind, event.actor.clone(), event.reason));
            })
            .open()
            .await
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = own_user_table::shop(&auth, table.users.clone());
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { auth, table, events, address }
    }

    async fn log_in(&self, username: &str, password: &str, mode: &str) -> Reply {
        let body = json!({ "username": username, "password": password, "mode": mode, "transport": "bearer" });
        send(self.address, "POST /v1/login", &[], &body.to_string()).await
    }

    /// Logs ada in and returns the answer.
    async fn ada(&self, mode: &str) -> Value {
        let reply = self.log_in("ada", "correct horse", mode).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    async fn logins(&self) -> Logins {
        let (session, jwt, hybrid) =
            (self.ada("session").await, self.ada("jwt").await, self.ada("hybrid").await);
        let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
        Logins {
            session: text(&session, "session_token"),
            jwt: text(&jwt, "access_token"),
            hybrid: text(&hybrid, "access_token"),
            refresh_token: text(&hybrid, "refresh_token"),
        }
    }

    async fn send_as(&self, token: &str, request: &str, body: &str) -> Reply {
        send(self.address, request, &[&format!("authorization: Bearer {token}")], body).await
    }

    /// The statuses of a request with the credential of each mode.
    async fn me(&self, logins: &Logins) -> [u16; 3] {
        let status = async |token: &str| self.send_as(token, "GET /v1/me", "").await.status;
        [status(&logins.session).await, status(&logins.jwt).await, status(&logins.hybrid).await]
    }

    async fn refresh(&self, logins: &Logins) -> Reply {
        let body = json!({ "refresh_token": logins.refresh_token }).to_string();
        send(self.address, "POST /v1/refresh", &[], &body).await
    }
}

#[tokio::test]
async fn users_of_the_table_and_no_others_log_in_with_their_hash() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;

    let logins = shop.logins().await;

    assert_eq!(shop.me(&logins).await, [200; 3]);
    let me = shop.send_as(&logins.session, "GET /v1/me", "").await.json();
    assert_eq!((&me["user"]["username"], &me["user"]["external_id"]), (&json!("ada"), &json!(42)));
    let wrong = shop.log_in("ada", "wrong horse", "session").await;
    let unknown = shop.log_in("bob", "correct horse", "session").await;
    let answer = |reply: &Reply| {
        let mut body = reply.json();
        body["request_id"].take();
        (reply.status, body)
    };
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (401, Some("invalid_credentials")));
    assert_eq!(answer(&unknown), answer(&wrong));
    // Not given to the table, which would count it under another name.
    assert_eq!(shop.log_in(" ada", "correct horse", "session").await.status, 401);
    shop.table.change(|ada| ada.password = ApplicationPassword::Hash("{MD5}x".into()));
    assert_eq!(shop.log_in("ada", "correct horse", "session").await.status, 401);
    shop.auth.close().await.unwrap();
}

#[tokio::test]
async fn the_application_can_verify_passwords_itself() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    shop.table.change(|ada| ada.password = ApplicationPassword::VerifiedByApplication);

    assert_eq!(shop.log_in("ada", "open sesame", "jwt").await.status, 200);
    assert_eq!(shop.log_in("ada", "correct horse", "jwt").await.status, 401);
    assert_eq!(shop.log_in("bob", "open sesame", "jwt").await.status, 401);
    shop.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_username_of_the_table_need_not_follow_the_rules_for_new_ones() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    for name in ["ada \u{263a}", "\u{ff21}da", "a\u{430}da"] {
        shop.table.change(|ada| ada.username = name.to_owned());
        assert_eq!(shop.log_in(name, "correct horse", "session").await.status, 200, "{name:?}");
    }
    shop.auth.close().await.unwrap();
}

/// The table of the example, which ignores accents, as the default collation of MySQL does.
struct WithoutAccents(Table);

#[async_trait]
impl UserStore for WithoutAccents {
    async fn find_by_login(&self, login: &str) -> Result<Option<ApplicationUser>, UserStoreError> {
        self.0.find_by_login(&login.replace(['\u{e0}', '\u{e1}', '\u{e2}'], "a")).await
    }

    async fn find(&self, id: &ExternalId) -> Result<Option<ApplicationUser>, UserStoreError> {
        self.0.find(id).await
    }
}

#[tokio::test]
async fn all_spellings_that_a_table_takes_for_one_user_have_one_limit() {
    let fixture = Fixture::new();
    let argon2 = fixture.settings().argon2;
    let auth = Counterfoil::builder()
        .store(format!("sqlite:{}", fixture.path("shop.db").display()))
        .configure(move |settings| settings.argon2 = argon2)
        .users(WithoutAccents(Table { users: Users::with_ada(), fails: Arc::default() }))
        .open()
        .await
        .unwrap();
    let client = ClientInfo::new(Some("192.0.2.1".parse().unwrap()), None);
    let spellings = ["ada", "\u{e0}da", "ad\u{e1}", "\u{e2}d\u{e2}"];

    for typed in spellings.iter().cycle().take(20) {
        let outcome = auth.login(&client, Credentials::password(*typed, "wrong horse")).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidCredentials, "{typed:?}");
    }
    for typed in spellings {
        let outcome = auth.login(&client, Credentials::password(typed, "correct horse")).await;
        let kind = outcome.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::RateLimited { .. }), "{typed:?}: {kind:?}");
    }
    auth.close().await.unwrap();
}

#[tokio::test]
async fn user_changed_ends_the_sessions_of_all_modes_at_once() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    let logins = shop.logins().await;
    shop.auth.user_changed(&id_of(42)).await.unwrap();
    assert_eq!(shop.me(&logins).await, [200; 3]);

    assert_eq!(send(shop.address, "POST /users/42/end-sessions", &[], "").await.status, 200);

    assert_eq!(shop.me(&logins).await, [401; 3]);
    assert_eq!(shop.refresh(&logins).await.status, 401);
    let again = shop.logins().await;
    assert_eq!(shop.me(&again).await, [200; 3]);
    shop.auth.close().await.unwrap();
    let events = shop.events.lock().unwrap();
    let ended = (AuditEventKind::SessionEnded, Actor::System, Some(EndReason::UserChanged));
    assert_eq!(events.iter().filter(|event| **event == ended).count(), 3, "{events:?}");
}

#[tokio::test]
async fn a_login_a_refresh_and_an_exchange_see_a_changed_epoch() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;

    let logins = shop.logins().await;
    shop.table.change(|ada| ada.epoch += 1);
    assert_eq!(shop.refresh(&logins).await.status, 401);
    assert_eq!(shop.me(&logins).await, [401; 3]);

    let logins = shop.logins().await;
    shop.table.change(|ada| ada.epoch = u64::MAX);
    assert_eq!(shop.send_as(&logins.session, "POST /v1/token", "{}").await.status, 401);
    assert_eq!(shop.me(&logins).await, [401; 3]);

    let logins = shop.logins().await;
    shop.table.change(|ada| ada.epoch = 0);
    shop.ada("session").await;
    assert_eq!(shop.me(&logins).await, [401; 3]);
    shop.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_removed_user_loses_all_sessions_and_cannot_log_in() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    let logins = shop.logins().await;

    shop.table.remove(42);

    assert_eq!(shop.log_in("ada", "correct horse", "session").await.status, 401);
    assert_eq!(shop.refresh(&logins).await.status, 401);
    assert_eq!(shop.me(&logins).await, [401; 3]);
    shop.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_failing_table_is_a_503_and_ends_nothing() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    let logins = shop.logins().await;

    shop.table.fails.store(true, Ordering::SeqCst);
    assert_eq!(shop.log_in("ada", "correct horse", "session").await.status, 503);
    assert_eq!(shop.log_in("bob", "correct horse", "session").await.status, 503);
    assert_eq!(shop.refresh(&logins).await.status, 503);
    assert_eq!(shop.send_as(&logins.jwt, "POST /v1/token", "{}").await.status, 503);
    let changed = shop.auth.user_changed(&id_of(42)).await;
    assert_eq!(changed.unwrap_err().kind(), ErrorKind::Unavailable);

    shop.table.fails.store(false, Ordering::SeqCst);
    assert_eq!(shop.me(&logins).await, [200; 3]);
    assert_eq!(shop.refresh(&logins).await.status, 200);
    shop.auth.close().await.unwrap();
}

#[tokio::test]
async fn only_the_application_adds_users_and_changes_passwords() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    let logins = shop.logins().await;

    let new = json!({ "username": "bob", "password": "correct battery staple" }).to_string();
    let registered = send(shop.address, "POST /v1/register", &[], &new).await;
    let change = json!({ "current_password": "correct horse", "new_password": "correct battery staple" });
    let changed = shop.send_as(&logins.session, "POST /v1/password", &change.to_string()).await;

    for refused in [registered, changed] {
        assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("users_of_application")));
    }
    shop.auth.close().await.unwrap();
}

#[tokio::test]
async fn first_logins_at_the_same_time_make_one_user() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;

    let (a, b, c, d) =
        tokio::join!(shop.ada("session"), shop.ada("jwt"), shop.ada("hybrid"), shop.ada("session"));

    let id = async |token: &Value| {
        let me = shop.send_as(token.as_str().unwrap(), "GET /v1/me", "").await.json();
        me["user"]["id"].as_str().unwrap().to_owned()
    };
    let ids = [
        id(&a["session_token"]).await,
        id(&b["access_token"]).await,
        id(&c["access_token"]).await,
        id(&d["session_token"]).await,
    ];
    assert_eq!(BTreeSet::from(ids).len(), 1);
    shop.auth.close().await.unwrap();
}

#[tokio::test]
async fn roles_and_names_follow_the_table() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    let logins = shop.logins().await;

    shop.table.change(|ada| {
        ada.roles = vec!["staff".into()];
        ada.username = "countess".into();
    });
    let password = shop.table.users.lock()[&42].password.clone();
    shop.table.insert(43, ApplicationUser::new(id_of(43), "ada", password));

    // The other ada gets the name, and the sessions of the first continue.
    let other = shop.ada("session").await;
    let me = shop.send_as(other["session_token"].as_str().unwrap(), "GET /v1/me", "").await.json();
    assert_eq!((&me["user"]["username"], &me["user"]["external_id"]), (&json!("ada"), &json!(43)));
    let refreshed = shop.refresh(&logins).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let token = refreshed.json()["access_token"].as_str().unwrap().to_owned();
    let me = shop.send_as(&token, "GET /v1/me", "").await.json();
    assert_eq!(
        (&me["user"]["username"], &me["user"]["roles"], &me["user"]["external_id"]),
        (&json!("countess"), &json!(["staff"]), &json!(42))
    );
    // Access tokens with the former roles are revoked; the session continues.
    assert_eq!(shop.me(&logins).await, [200, 401, 401]);
    shop.auth.close().await.unwrap();
}
