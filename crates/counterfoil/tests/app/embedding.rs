//! The embedding example, run as it is: each mode, by bearer token and by cookie.

use std::net::SocketAddr;

use counterfoil::{ClientInfo, Counterfoil, EmbedError, NewUser, Store};
use counterfoil_sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::client::{Reply, send};
use crate::fixture::Fixture;

#[path = "../../../../examples/embedded.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod embedded;

const ADA: &str = r#"{"username":"ada","password":"correct horse"}"#;

/// The example's application on a free port, with one user.
struct TestShop {
    auth: Counterfoil,
    address: SocketAddr,
    user_id: String,
}

impl TestShop {
    async fn open(fixture: &Fixture) -> Self {
        let auth = Counterfoil::with_settings(fixture.settings()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = embedded::shop(&auth).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let registered = send(address, "POST /v1/register", &[], ADA).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        let user_id = registered.json()["user"]["id"].as_str().unwrap().to_owned();
        Self { auth, address, user_id }
    }

    async fn log_in(&self, mode: &str, transport: &str) -> Reply {
        let mut body: Value = serde_json::from_str(ADA).unwrap();
        body["mode"] = json!(mode);
        body["transport"] = json!(transport);
        let reply = send(self.address, "POST /v1/login", &[], &body.to_string()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply
    }

    /// Logs in and returns the request header that presents the credential.
    async fn credential_header(&self, mode: &str, transport: &str) -> String {
        let reply = self.log_in(mode, transport).await;
        let kind = if mode == "session" { "session" } else { "access" };
        if transport == "cookie" {
            return format!("cookie: {}", reply.cookie(&format!("counterfoil-{kind}=")));
        }
        format!("authorization: Bearer {}", reply.json()[format!("{kind}_token")].as_str().unwrap())
    }
}

#[tokio::test]
async fn handlers_behave_the_same_in_every_mode_and_transport() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    for mode in ["session", "jwt", "hybrid"] {
        for transport in ["bearer", "cookie"] {
            let credential = shop.credential_header(mode, transport).await;
            let same_origin = "origin: http://localhost:3000";

            let home = send(shop.address, "GET /", &[&credential], "").await;
            let account = send(shop.address, "GET /account", &[&credential], "").await;
            let one = send(shop.address, "POST /cart", &[&credential, same_origin], "").await;
            let two = send(shop.address, "POST /cart", &[&credential, same_origin], "").await;

            assert_eq!(home.body, "Hello, ada", "{mode} {transport}");
            assert_eq!(account.body, format!("The account of {}", shop.user_id), "{mode} {transport}");
            assert_eq!((&*one.body, &*two.body), ("1 in the cart", "2 in the cart"), "{mode} {transport}");
        }
    }
}

#[tokio::test]
async fn an_unauthenticated_request_gets_only_the_public_page() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;

    assert_eq!(send(shop.address, "GET /", &[], "").await.body, "Hello, guest");
    for (request, headers) in [
        ("GET /account", vec![]),
        ("POST /cart", vec![]),
        ("GET /account", vec!["authorization: Bearer cfs_nonsense"]),
        ("GET /account", vec!["cookie: counterfoil-session=nonsense"]),
    ] {
        let reply = send(shop.address, request, &headers, "").await;
        assert_eq!(reply.status, 401, "{request} {headers:?}");
        let problem = reply.json();
        let kind = problem["type"].as_str().unwrap();
        assert!(kind.starts_with("http://localhost:3000/problems/"), "{problem}");
        assert!(reply.head.contains("www-authenticate: Bearer"), "{reply:?}");
    }
}

#[tokio::test]
async fn a_cross_site_request_cannot_fill_the_cart() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    let credential = shop.credential_header("session", "cookie").await;
    for attack in ["origin: https://attacker.example", "sec-fetch-site: cross-site", "origin: null", "x: y"] {
        assert_eq!(
            send(shop.address, "POST /cart", &[&credential, attack], "").await.status,
            403,
            "{attack}"
        );
    }
}

#[tokio::test]
async fn a_logged_out_credential_is_rejected_on_every_route() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    for mode in ["session", "jwt", "hybrid"] {
        let credential = shop.credential_header(mode, "bearer").await;
        assert_eq!(send(shop.address, "POST /cart", &[&credential], "").await.status, 200);

        assert_eq!(send(shop.address, "POST /v1/logout", &[&credential], "").await.status, 204);

        assert_eq!(send(shop.address, "GET /account", &[&credential], "").await.status, 401, "{mode}");
        assert_eq!(send(shop.address, "POST /cart", &[&credential], "").await.status, 401, "{mode}");
    }
}

#[tokio::test]
async fn each_session_has_its_own_cart() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    let (first, second) =
        (shop.credential_header("session", "bearer").await, shop.credential_header("jwt", "bearer").await);

    assert_eq!(send(shop.address, "POST /cart", &[&first], "").await.body, "1 in the cart");

    assert_eq!(send(shop.address, "POST /cart", &[&second], "").await.body, "1 in the cart");
}

#[tokio::test]
async fn a_closed_embedded_store_opens_again() {
    let fixture = Fixture::new();
    let dir = fixture.path("");
    let store = format!("sqlite:{}", dir.join("auth.db").display());

    Counterfoil::open(&store).await.unwrap().close().await.unwrap();
    let again = Counterfoil::for_issuer("http://localhost:3000", &store).await.unwrap();

    assert!(dir.join("auth.db.key").exists(), "the master key file is next to the database");
    again.close().await.unwrap();
}

#[tokio::test]
async fn an_application_gives_a_store_that_it_has_opened() {
    let fixture = Fixture::new();
    let data_dir = fixture.path("application-store");
    let store = SqliteStore::in_memory().unwrap();
    let builder = Counterfoil::builder().store(std::sync::Arc::clone(&store));
    let auth = builder.configure(|settings| settings.data_dir = Some(data_dir)).open().await.unwrap();

    let ada = NewUser::new("ada", "correct horse");
    let ada = auth.register(&ClientInfo::new(None, None), ada).await.unwrap();

    assert!(store.user(ada).await.unwrap().is_some());
    auth.close().await.unwrap();
    assert!(store.user(ada).await.is_err(), "the store is closed");
}

#[tokio::test]
async fn a_store_of_an_application_needs_a_place_for_the_master_key() {
    let result = Counterfoil::builder().store(SqliteStore::in_memory().unwrap()).open().await;

    assert!(matches!(result, Err(EmbedError::Open(_))), "{result:?}");
}

#[tokio::test]
async fn an_invalid_issuer_or_store_url_is_reported() {
    let invalid_issuer = Counterfoil::for_issuer("http://shop.example", "sqlite:auth.db").await;
    let invalid_store = Counterfoil::open("auth.db").await;

    assert!(matches!(invalid_issuer, Err(EmbedError::Issuer(_))));
    assert!(matches!(invalid_store, Err(EmbedError::Store(_))));
}

#[tokio::test]
async fn the_example_closes_without_an_error() {
    let fixture = Fixture::new();
    let TestShop { auth, .. } = TestShop::open(&fixture).await;

    auth.close().await.unwrap();
}

#[tokio::test]
async fn the_hosts_routes_clear_a_second_cookie_at_another_path() {
    let fixture = Fixture::new();
    let shop = TestShop::open(&fixture).await;
    let live = shop.credential_header("session", "cookie").await;

    let refused =
        send(shop.address, "GET /account", &[&format!("{live}; counterfoil-session=other")], "").await;

    assert_eq!(refused.status, 400, "{refused:?}");
    let cleared =
        |path: &str| format!("set-cookie: counterfoil-session=; {path}; HttpOnly; SameSite=Lax; Max-Age=0");
    assert!(refused.head.contains(&cleared("Path=/account")), "{refused:?}");
    assert!(!refused.head.contains(&cleared("Path=/")), "the live cookie stays: {refused:?}");
    assert_eq!(send(shop.address, "GET /account", &[&live], "").await.status, 200);
}
