//! Tests of the application over HTTP, and of one handler alone.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use axum::extract::FromRequestParts as _;
use counterfoil::testing::{self, PrincipalBuilder, authenticate_request};
use counterfoil::{ErrorKind, Mode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// The application on a free port.
struct Running {
    auth: Counterfoil,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
    store: std::path::PathBuf,
}

impl Running {
    async fn start(name: &str) -> Self {
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let store = std::env::temp_dir().join(format!("counterfoil-application-{name}-{nanos}"));
        std::fs::create_dir(&store).unwrap();
        let path = format!("sqlite:{}", store.join("shop.db").display());
        let auth = builder("http://localhost:3000", &path).open().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let router = router(Shop::new(auth.clone()));
        let task = tokio::spawn(counterfoil::serve(router, listener, Limits::default(), shutdown));
        Self { auth, address, stop, task, store }
    }

    /// Sends a request and returns the response as text.
    async fn send(&self, request: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head =
            format!("{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}");
        stream.write_all(format!("{head}\r\n{headers}\r\n{body}").as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        self.auth.close().await.unwrap();
        self.auth.close().await.unwrap();
        std::fs::remove_dir_all(self.store).unwrap();
    }
}

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\norigin: http://localhost:3000\r\n";

#[tokio::test]
async fn a_user_logs_in_with_the_form_and_out_everywhere() {
    let shop = Running::start("form").await;
    let other = testing::session(&shop.auth, "acme.ada", Mode::Session).await.unwrap();

    let wrong = shop.send("POST /login", FORM, "username=acme.ada&password=wrong").await;
    assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
    let login = shop.send("POST /login", FORM, "username=acme.ada&password=a+password+for+tests+only").await;
    let cookie = login.lines().find_map(|line| line.strip_prefix("set-cookie: shop=")).unwrap();
    let cookie = format!("cookie: shop={}\r\n", cookie.split(';').next().unwrap());
    let home = shop.send("GET /", &cookie, "").await;
    assert!(home.contains(&format!("hello, {}", other.user_id())), "{home}");
    assert!(shop.send("GET /auth/v1/me", &cookie, "").await.starts_with("HTTP/1.1 200"));

    let out = shop.send("POST /logout-everywhere", &(cookie.clone() + FORM), "").await;
    assert!(out.contains("set-cookie: shop=;"), "{out}");
    assert!(shop.send("GET /", &cookie, "").await.ends_with("hello, guest"));
    let ended = shop.auth.authenticate(other.session_token().unwrap()).await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::InvalidCredential);
    shop.stop().await;
}

#[tokio::test]
async fn access_tokens_have_the_claim_and_a_role_is_required() {
    let shop = Running::start("claims").await;
    let login = testing::session(&shop.auth, "acme.ada", Mode::Jwt).await.unwrap();
    let bearer = format!("authorization: Bearer {}\r\n", login.access_token().unwrap());

    assert!(shop.send("GET /tenant", &bearer, "").await.ends_with("\"acme\""));
    assert!(shop.send("GET /orders", &bearer, "").await.starts_with("HTTP/1.1 403"));
    let metadata = shop.send("GET /.well-known/oauth-authorization-server", "", "").await;
    assert!(metadata.contains("\"http://localhost:3000/auth/.well-known/jwks.json\""), "{metadata}");
    shop.stop().await;
}

#[tokio::test]
async fn a_user_of_the_applications_own_table_logs_in() {
    let shop = Running::start("customers").await;
    let path = format!("sqlite:{}", shop.store.join("customers.db").display());
    let auth = builder("http://localhost:3000", &path).users(Customers::new()).open().await.unwrap();
    let client = ClientInfo::new(None, None);

    let bob = auth.login(&client, Credentials::password("acme.bob", "correct horse")).await.unwrap();
    let wrong = auth.login(&client, Credentials::password("acme.bob", "wrong horse")).await.unwrap_err();

    assert_eq!((bob.username(), bob.roles()), ("acme.bob", &["staff".to_owned()][..]));
    assert_eq!(wrong.kind(), ErrorKind::InvalidCredentials);
    auth.close().await.unwrap();
    shop.stop().await;
}

#[tokio::test]
async fn the_cookies_of_a_domain_are_sent_to_its_hosts() {
    let shop = Running::start("domain").await;
    let path = format!("sqlite:{}", shop.store.join("domain.db").display());
    let cookies = CookieOptions::new().name("shop").domain("shop.example");
    let auth = builder("https://www.shop.example", &path).cookies(cookies).open().await.unwrap();

    let login = testing::session(&auth, "ada", Mode::Session).await.unwrap();

    let cookies = login.cookies();
    let line = cookies.lines().next().unwrap().to_str().unwrap();
    assert!(line.starts_with("__Secure-shop=cfs_") && line.contains("Domain=shop.example; "), "{line}");
    auth.close().await.unwrap();
    shop.stop().await;
}

#[tokio::test]
async fn a_handler_is_tested_with_a_principal() {
    let mut request = axum::extract::Request::new(axum::body::Body::empty());
    authenticate_request(&mut request, PrincipalBuilder::new("ada").role("staff").build());
    let (mut parts, _) = request.into_parts();

    let user = HasRole::<Staff>::from_request_parts(&mut parts, &()).await;
    assert_eq!(orders(user.unwrap()).await, "All orders, for ada");
}

#[tokio::test]
async fn a_shutdown_finishes_requests_within_the_limit() {
    let shop = Running::start("shutdown").await;
    let address = shop.address;
    assert!(shop.send("GET /", "", "").await.ends_with("hello, guest"));

    tokio::time::timeout(Duration::from_secs(5), shop.stop()).await.unwrap();

    assert!(TcpStream::connect(address).await.is_err());
}
