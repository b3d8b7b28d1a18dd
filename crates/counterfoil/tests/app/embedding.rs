//! The example application, run as it stands: the three modes and both ways to carry them.

use std::net::SocketAddr;

use counterfoil::{Counterfoil, EmbedError};
use serde_json::{Value, json};

use crate::client::{Reply, send};
use crate::house::House;

#[path = "../../../../examples/embedded.rs"]
#[allow(dead_code, reason = "its main is for people; the tests serve its router")]
mod embedded;

const ADA: &str = r#"{"username":"ada","password":"correct horse"}"#;

/// The example's application on a free port, with one user.
struct Shop {
    auth: Counterfoil,
    at: SocketAddr,
    ada: String,
}

impl Shop {
    async fn open(house: &House) -> Self {
        let auth = Counterfoil::with_settings(house.settings()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let service = embedded::shop(&auth).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let registered = send(at, "POST /v1/register", &[], ADA).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        let ada = registered.json()["user"]["id"].as_str().unwrap().to_owned();
        Self { auth, at, ada }
    }

    async fn log_in(&self, mode: &str, carrier: &str) -> Reply {
        let mut body: Value = serde_json::from_str(ADA).unwrap();
        body["mode"] = json!(mode);
        body["carrier"] = json!(carrier);
        let reply = send(self.at, "POST /v1/login", &[], &body.to_string()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply
    }

    /// The header line that shows the credential of a login.
    async fn shown(&self, mode: &str, carrier: &str) -> String {
        let reply = self.log_in(mode, carrier).await;
        let kind = if mode == "session" { "session" } else { "access" };
        if carrier == "cookie" {
            return format!("cookie: {}", reply.cookie(&format!("counterfoil-{kind}=")));
        }
        format!("authorization: Bearer {}", reply.json()[format!("{kind}_token")].as_str().unwrap())
    }
}

#[tokio::test]
async fn a_handler_cannot_tell_which_mode_it_was() {
    let house = House::new();
    let shop = Shop::open(&house).await;
    for mode in ["session", "jwt", "hybrid"] {
        for carrier in ["body", "cookie"] {
            let shown = shop.shown(mode, carrier).await;
            let same_origin = "origin: http://localhost:3000";

            let home = send(shop.at, "GET /", &[&shown], "").await;
            let account = send(shop.at, "GET /account", &[&shown], "").await;
            let first = send(shop.at, "POST /cart", &[&shown, same_origin], "").await;
            let second = send(shop.at, "POST /cart", &[&shown, same_origin], "").await;

            assert_eq!(home.body, format!("Hello, {}", shop.ada), "{mode} {carrier}");
            assert_eq!(account.body, format!("The account of {}", shop.ada), "{mode} {carrier}");
            assert_eq!((&*first.body, &*second.body), ("1 in the cart", "2 in the cart"), "{mode} {carrier}");
        }
    }
}

#[tokio::test]
async fn a_stranger_sees_the_public_page_alone() {
    let house = House::new();
    let shop = Shop::open(&house).await;

    assert_eq!(send(shop.at, "GET /", &[], "").await.body, "Hello, stranger");
    for (request, headers) in [
        ("GET /account", vec![]),
        ("POST /cart", vec![]),
        ("GET /account", vec!["authorization: Bearer cfs_nonsense"]),
        ("GET /account", vec!["cookie: counterfoil-session=nonsense"]),
    ] {
        let reply = send(shop.at, request, &headers, "").await;
        assert_eq!(reply.status, 401, "{request} {headers:?}");
        assert!(reply.head.contains("www-authenticate: Bearer"), "{reply:?}");
    }
}

#[tokio::test]
async fn another_site_cannot_fill_the_cart() {
    let house = House::new();
    let shop = Shop::open(&house).await;
    let shown = shop.shown("session", "cookie").await;
    for attack in ["origin: https://attacker.example", "sec-fetch-site: cross-site", "origin: null", "x: y"] {
        assert_eq!(send(shop.at, "POST /cart", &[&shown, attack], "").await.status, 403, "{attack}");
    }
}

#[tokio::test]
async fn after_the_logout_nothing_is_let_in_nor_kept() {
    let house = House::new();
    let shop = Shop::open(&house).await;
    for mode in ["session", "jwt", "hybrid"] {
        let shown = shop.shown(mode, "body").await;
        assert_eq!(send(shop.at, "POST /cart", &[&shown], "").await.status, 200);

        assert_eq!(send(shop.at, "POST /v1/logout", &[&shown], "").await.status, 204);

        assert_eq!(send(shop.at, "GET /account", &[&shown], "").await.status, 401, "{mode}");
        assert_eq!(send(shop.at, "POST /cart", &[&shown], "").await.status, 401, "{mode}");
    }
}

#[tokio::test]
async fn a_cart_is_one_sessions_and_nobody_elses() {
    let house = House::new();
    let shop = Shop::open(&house).await;
    let (one, other) = (shop.shown("session", "body").await, shop.shown("jwt", "body").await);

    assert_eq!(send(shop.at, "POST /cart", &[&one], "").await.body, "1 in the cart");

    assert_eq!(send(shop.at, "POST /cart", &[&other], "").await.body, "1 in the cart");
}

#[tokio::test]
async fn an_embedded_store_that_was_closed_opens_again() {
    let house = House::new();
    let dir = house.outside("");
    let store = format!("sqlite:{}", dir.join("auth.db").display());

    Counterfoil::open(&store).await.unwrap().close().await.unwrap();
    let again = Counterfoil::for_issuer("http://localhost:3000", &store).await.unwrap();

    assert!(dir.join("auth.db.key").exists(), "the key is beside the store");
    again.close().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let plain = Counterfoil::for_issuer("http://shop.example", "sqlite:auth.db").await;
    let nowhere = Counterfoil::open("auth.db").await;

    assert!(matches!(plain, Err(EmbedError::Issuer(_))));
    assert!(matches!(nowhere, Err(EmbedError::Store(_))));
}

#[tokio::test]
async fn the_example_is_closed_in_good_order() {
    let house = House::new();
    let Shop { auth, .. } = Shop::open(&house).await;

    auth.close().await.unwrap();
}
