//! The example with pages for signed-in users, run as it is.

use std::net::{SocketAddr, TcpListener};

use counterfoil::{ClientInfo, Counterfoil, Credentials, Limits, NewUser};
use tokio::sync::oneshot;

use crate::client::send;
use crate::fixture::Fixture;

#[path = "../../../../examples/signed_in_pages.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod signed_in_pages;

const HTML: &str = "accept: text/html";
const NAVIGATE: &str = "sec-fetch-mode: navigate";

async fn open(fixture: &Fixture) -> (Counterfoil, SocketAddr, oneshot::Sender<()>) {
    let settings = fixture.settings();
    let store = format!("sqlite:{}", fixture.path("shop.db").display());
    let builder = Counterfoil::builder().store(store).configure(move |own| own.argon2 = settings.argon2);
    let auth = builder.open().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        let _ = stopped.await;
    };
    tokio::spawn(counterfoil::serve(signed_in_pages::shop(&auth), listener, Limits::default(), shutdown));
    (auth, address, stop)
}

#[tokio::test]
async fn a_browser_is_sent_to_the_sign_in_page_and_a_program_gets_401() {
    let fixture = Fixture::new();
    let (_auth, address, _stop) = open(&fixture).await;

    for header in [HTML, NAVIGATE] {
        let reply = send(address, "GET /orders?page=2", &[header], "").await;
        assert_eq!(reply.status, 303, "{header}: {reply:?}");
        assert!(
            reply.head.contains("location: /login?return_to=%2Forders%3Fpage%3D2\r\n"),
            "{header}: {reply:?}"
        );
    }
    // A script, a program, a form, and a handshake cannot show a sign-in page.
    let handshake = ["upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13", HTML];
    for (line, headers) in [
        ("GET /orders", &["accept: application/json"][..]),
        ("GET /orders", &["sec-fetch-mode: cors", HTML]),
        ("POST /orders", &[HTML]),
        ("GET /orders", &handshake),
        ("GET /orders", &["authorization: Bearer cfs_wrong"]),
    ] {
        let reply = send(address, line, headers, "").await;
        assert_eq!(reply.status, 401, "{line} {headers:?}: {reply:?}");
        assert!(reply.head.contains("www-authenticate: ") && !reply.head.contains("location: "), "{reply:?}");
    }
    assert_eq!(
        send(address, "GET /shop", &[HTML], "").await.status,
        200,
        "the layer is for the orders alone"
    );
    let form = send(address, "GET /login?return_to=%2Forders%3Fpage%3D2", &[HTML], "").await;
    assert!(form.status == 200 && form.body.contains("orders?page=2"), "{form:?}");
}

#[tokio::test]
async fn a_signed_in_user_passes_until_the_session_ends() {
    let fixture = Fixture::new();
    let (auth, address, _stop) = open(&fixture).await;
    let client = ClientInfo::new(None, None);
    auth.register(&client, NewUser::new("ada", "correct horse")).await.unwrap();
    let login = auth.login(&client, Credentials::password("ada", "correct horse").bearer()).await.unwrap();
    let bearer = format!("authorization: Bearer {}", login.session_token().unwrap());

    let reply = send(address, "GET /orders", &[&bearer, HTML], "").await;
    assert!(reply.status == 200 && reply.body.contains("has no orders"), "{reply:?}");

    let logged_out = send(address, "POST /v1/logout", &[&bearer], "").await;
    assert_eq!(logged_out.status, 204, "{logged_out:?}");
    let reply = send(address, "GET /orders", &[&bearer, NAVIGATE], "").await;
    assert_eq!(reply.status, 303, "{reply:?}");
}
