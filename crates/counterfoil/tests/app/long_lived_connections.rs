//! The examples with a WebSocket and with an event stream, run as they are: both end with the session.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{any, get};
use counterfoil::operator::Command;
use counterfoil::{Counterfoil, Limits};
use counterfoil_jose::{Algorithm, Secret};
use counterfoil_verify::{FeedOptions, RemoteVerifier, TokenVerifier};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderName;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::{Reply, send};
use crate::fixture::Fixture;

#[path = "../../../../examples/server_sent_events.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod server_sent_events;

#[path = "../../../../examples/websocket.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod websocket;

/// A page of the same host at another port: `SameSite` does not keep its requests from having the cookie.
const OTHER: &str = "http://127.0.0.1:1";

/// The audience of the other service.
const SHOP: &str = "https://shop.example";

/// How long a connection may stay open after the answer to a logout, on a busy machine. The end is one hop; the usual time is
/// printed.
const ONE_HOP: Duration = Duration::from_secs(5);

/// How long a service that is cut off from the issuer accepts anything.
const LEASE: Duration = Duration::from_secs(1);

/// An application with both examples and one user.
struct Application {
    auth: Counterfoil,
    address: SocketAddr,
    /// Its origin.
    own: String,
    stop: Option<oneshot::Sender<()>>,
    _fixture: Fixture,
}

/// How a test presents its login.
#[derive(Debug, Clone, Copy)]
enum Transport {
    SessionCookie,
    AccessCookie,
    AccessToken,
}

impl Transport {
    const ALL: [Self; 3] = [Self::SessionCookie, Self::AccessCookie, Self::AccessToken];
}

/// The client's end of a WebSocket.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// The header of a login.
pub(crate) type Header = (&'static str, String);

impl Application {
    async fn start() -> Self {
        Self::within(Limits::default()).await
    }

    async fn within(limits: Limits) -> Self {
        let fixture = Fixture::new();
        let argon2 = fixture.settings().argon2;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let own = format!("http://{address}");
        let auth = Counterfoil::builder()
            .issuer(&own)
            .store(format!("sqlite:{}", fixture.path("sockets.db").display()))
            .configure(move |settings| {
                settings.argon2 = argon2;
                settings.feed.lease = LEASE;
            })
            .open()
            .await
            .unwrap();
        let ada = Command::UserAdd {
            username: "ada".into(),
            password: Secret::new("correct horse".into()),
            email: None,
            roles: Vec::new(),
        };
        auth.app().administer(ada).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        tokio::spawn(counterfoil::serve(router(&auth), listener, limits, shutdown));
        Self { auth, address, own, stop: Some(stop), _fixture: fixture }
    }

    async fn log_in(&self, transport: Transport) -> Header {
        let (mode, how) = match transport {
            Transport::SessionCookie => ("session", "cookie"),
            Transport::AccessCookie => ("hybrid", "cookie"),
            Transport::AccessToken => ("jwt", "bearer"),
        };
        let form = json!({ "username": "ada", "password": "correct horse", "mode": mode, "transport": how })
            .to_string();
        let reply = send(self.address, "POST /v1/login", &[&format!("origin: {}", self.own)], &form).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        match transport {
            Transport::SessionCookie => ("cookie", reply.cookie("counterfoil-session=")),
            Transport::AccessCookie => ("cookie", reply.cookie("counterfoil-access=")),
            Transport::AccessToken => ("authorization", bearer(&reply.json())),
        }
    }

    async fn post(&self, path: &str, (name, value): &Header) -> Reply {
        let headers = [format!("{name}: {value}"), format!("origin: {}", self.own)];
        send(self.address, &format!("POST {path}"), &headers.each_ref().map(String::as_str), "").await
    }

    /// Opens a WebSocket as a page of this origin does.
    async fn open_socket(&self, login: &Header, origin: Option<&str>) -> Result<Socket, u16> {
        open_socket(self.address, login, origin).await
    }

    /// Opens an event stream, and returns its lines after the head.
    async fn open_stream(&self, login: &Header) -> Lines<BufReader<TcpStream>> {
        open_stream(self.address, login, &self.own).await
    }

    /// An access token for the other service.
    async fn token_for_shop(&self) -> Header {
        let form = json!({ "username": "ada", "password": "correct horse", "mode": "jwt", "audience": SHOP });
        let reply = send(self.address, "POST /v1/login", &[], &form.to_string()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        ("authorization", bearer(&reply.json()))
    }
}

/// Both examples, behind the layer of the application.
pub(crate) fn router(auth: &Counterfoil) -> Router {
    let ticks = Router::new().route("/ticks", get(server_sent_events::ticks)).layer(auth.layer());
    websocket::sockets(auth).merge(ticks)
}

/// Another service with both examples, which follows the feed of the issuer.
async fn shop(issuer: &Application) -> (SocketAddr, RemoteVerifier) {
    let key = Command::VerifierKeyAdd { name: "shop".into() };
    let key = issuer.auth.app().administer(key).await.unwrap();
    let tokens = TokenVerifier::builder(&issuer.own, SHOP, &[Algorithm::Es256]);
    let feed = FeedOptions::new(key["key"].as_str().unwrap());
    let verifier = RemoteVerifier::builder(tokens).feed(feed).start().unwrap();
    verifier.wait_for_first_fetch().await;
    timeout(ONE_HOP, verifier.wait_until_fresh()).await.unwrap();
    let router = Router::new()
        .route("/echo", any(websocket::connect))
        .route("/ticks", get(server_sent_events::ticks))
        .layer(verifier.layer());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(counterfoil::serve(router, listener, Limits::default(), std::future::pending()));
    (address, verifier)
}

pub(crate) async fn open_socket(
    to: SocketAddr,
    (name, value): &Header,
    origin: Option<&str>,
) -> Result<Socket, u16> {
    let mut request = format!("ws://{to}/echo").into_client_request().unwrap();
    request.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    let stream = TcpStream::connect(to).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn open_stream(
    to: SocketAddr,
    (name, value): &Header,
    origin: &str,
) -> Lines<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let head = format!(
        "GET /ticks HTTP/1.0\r\nhost: localhost\r\naccept: text/event-stream\r\norigin: {origin}\r\n{name}: {value}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("HTTP/1.0 200 OK"));
    while lines.next_line().await.unwrap().is_some_and(|line| !line.is_empty()) {}
    lines
}

/// The last event of a stream, which must end.
pub(crate) async fn last_event(lines: &mut Lines<BufReader<TcpStream>>) -> Vec<String> {
    let mut all = Vec::new();
    let read = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            all.push(line);
        }
    };
    timeout(ONE_HOP, read).await.unwrap();
    all.split_off(all.len() - 3)
}

pub(crate) fn bearer(login: &Value) -> String {
    format!("Bearer {}", login["access_token"].as_str().unwrap())
}

pub(crate) async fn echo(socket: &mut Socket, text: &str) -> String {
    socket.send(Message::text(text)).await.unwrap();
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

/// The code and the reason of the close frame, which must be the next one.
pub(crate) async fn close_frame(socket: &mut Socket) -> (u16, String) {
    match timeout(ONE_HOP, socket.next()).await.unwrap().unwrap().unwrap() {
        Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_logout_closes_a_websocket_with_the_code_4401_and_a_reason() {
    let application = Application::start().await;
    for transport in Transport::ALL {
        let login = application.log_in(transport).await;
        let mut socket = application.open_socket(&login, Some(&application.own)).await.unwrap();
        assert_eq!(echo(&mut socket, "hello").await, "hello");

        assert_eq!(application.post("/v1/logout", &login).await.status, 204);
        let answered = Instant::now();

        assert_eq!(close_frame(&mut socket).await, (4401, "session_ended".to_owned()), "{transport:?}");
        println!("{transport:?}: closed {:?} after the answer to the logout", answered.elapsed());
        assert!(socket.next().await.is_none_or(|next| next.is_err()), "nothing follows");
        assert_eq!(application.open_socket(&login, Some(&application.own)).await.unwrap_err(), 401);
    }
    application.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_logout_ends_an_event_stream_with_an_event_that_says_why() {
    let application = Application::start().await;
    for transport in Transport::ALL {
        let login = application.log_in(transport).await;
        let mut lines = application.open_stream(&login).await;
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("event: tick"));

        assert_eq!(application.post("/v1/logout", &login).await.status, 204);

        let last = last_event(&mut lines).await;
        assert_eq!(last, ["event: session_ended", "data: session_ended", ""], "{transport:?}");
    }
    application.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_logout_of_one_session_closes_no_other_connection() {
    let application = Application::start().await;
    let (one, two) = (
        application.log_in(Transport::SessionCookie).await,
        application.log_in(Transport::SessionCookie).await,
    );
    let mut first = application.open_socket(&one, Some(&application.own)).await.unwrap();
    let mut second = application.open_socket(&two, Some(&application.own)).await.unwrap();
    echo(&mut first, "both are open").await;
    echo(&mut second, "both are open").await;

    application.post("/v1/logout", &one).await;

    assert_eq!(close_frame(&mut first).await.0, 4401);
    assert_eq!(echo(&mut second, "still here").await, "still here");
    application.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_handshake_with_a_cookie_needs_a_trusted_origin() {
    let application = Application::start().await;
    for transport in [Transport::SessionCookie, Transport::AccessCookie] {
        let login = application.log_in(transport).await;

        assert_eq!(application.open_socket(&login, Some(OTHER)).await.unwrap_err(), 403);
        assert_eq!(application.open_socket(&login, Some("null")).await.unwrap_err(), 403);
        assert_eq!(application.open_socket(&login, None).await.unwrap_err(), 403);
        assert!(application.open_socket(&login, Some(&application.own)).await.is_ok());
    }
    // A page of another origin cannot send the token of the user.
    let login = application.log_in(Transport::AccessToken).await;
    assert!(application.open_socket(&login, None).await.is_ok());
    application.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_shutdown_ends_open_websockets_and_does_not_wait_for_them() {
    let mut application = Application::start().await;
    let login = application.log_in(Transport::SessionCookie).await;
    let mut socket = application.open_socket(&login, Some(&application.own)).await.unwrap();
    echo(&mut socket, "open").await;

    drop(application.stop.take());

    let ended = timeout(ONE_HOP, socket.next()).await.unwrap();
    assert!(ended.is_none_or(|message| message.is_err()), "the connection is cut");
    application.auth.close().await.unwrap();
}

#[tokio::test]
async fn open_websockets_and_event_streams_are_not_closed_as_idle() {
    let limits = Limits::default().with(|limits| limits.idle_timeout = Duration::from_millis(100));
    let application = Application::within(limits).await;
    let login = application.log_in(Transport::SessionCookie).await;
    let mut socket = application.open_socket(&login, Some(&application.own)).await.unwrap();
    let mut lines = application.open_stream(&login).await;

    // Two events are a second apart.
    for _ in 0..2 {
        for expected in ["event: tick", "data: 1 s", ""] {
            assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(expected));
        }
    }

    assert_eq!(echo(&mut socket, "still open").await, "still open");
    application.auth.close().await.unwrap();
}

#[tokio::test]
async fn an_open_websocket_counts_as_a_connection() {
    let limits = Limits::default().with(|limits| limits.max_connections = 1);
    let application = Application::within(limits).await;
    let login = application.log_in(Transport::SessionCookie).await;
    let mut socket = application.open_socket(&login, Some(&application.own)).await.unwrap();
    echo(&mut socket, "open").await;

    let mut refused = TcpStream::connect(application.address).await.unwrap();
    let _ = refused.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await;
    let read = timeout(ONE_HOP, refused.read(&mut [0; 12])).await.unwrap();
    assert!(read.is_err() || read.is_ok_and(|length| length == 0), "it takes no place of the WebSocket");

    socket.close(None).await.unwrap();
    let closed = async { while let Some(Ok(_)) = socket.next().await {} };
    timeout(ONE_HOP, closed).await.unwrap();
    let mut connection = TcpStream::connect(application.address).await.unwrap();
    let mut status = [0; 12];
    connection.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.unwrap();
    timeout(ONE_HOP, connection.read_exact(&mut status)).await.unwrap().unwrap();
    assert_eq!(&status, b"HTTP/1.0 200");
    application.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_logout_closes_the_connections_of_a_service_that_follows_the_feed() {
    let issuer = Application::start().await;
    let (shop, _verifier) = shop(&issuer).await;
    let token = issuer.token_for_shop().await;
    let mut socket = open_socket(shop, &token, None).await.unwrap();
    let mut lines = open_stream(shop, &token, SHOP).await;
    assert_eq!(echo(&mut socket, "hello").await, "hello");

    assert_eq!(issuer.post("/v1/logout", &token).await.status, 204);
    let answered = Instant::now();

    assert_eq!(close_frame(&mut socket).await, (4401, "session_ended".to_owned()));
    println!("at another service: closed {:?} after the answer to the logout", answered.elapsed());
    assert_eq!(last_event(&mut lines).await, ["event: session_ended", "data: session_ended", ""]);
    issuer.auth.close().await.unwrap();
}

#[tokio::test]
async fn a_service_that_is_cut_off_closes_its_connections_at_the_end_of_its_lease() {
    let mut issuer = Application::start().await;
    let (shop, _verifier) = shop(&issuer).await;
    let token = issuer.token_for_shop().await;
    let mut socket = open_socket(shop, &token, None).await.unwrap();
    let mut lines = open_stream(shop, &token, SHOP).await;
    // The lease is renewed meanwhile.
    let news = timeout(2 * LEASE, socket.next()).await;
    assert!(news.is_err(), "{news:?}");

    let cut = Instant::now();
    drop(issuer.stop.take());

    assert_eq!(close_frame(&mut socket).await, (1013, "unavailable".to_owned()));
    println!("closed {:?} after the cut, with a lease of {LEASE:?}", cut.elapsed());
    assert_eq!(last_event(&mut lines).await, ["event: unavailable", "data: unavailable", ""]);
    issuer.auth.close().await.unwrap();
}
