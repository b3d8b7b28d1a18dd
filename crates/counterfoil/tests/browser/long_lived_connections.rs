//! What a page in a real browser learns when its session ends: the close code, and the name of the last event.

use std::net::TcpListener;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use counterfoil::{ClientInfo, Counterfoil, Limits, NewUser};
use counterfoil_core::credentials::password::Argon2Cost;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::Chromium;

#[path = "../../../../examples/server_sent_events.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod server_sent_events;

#[path = "../../../../examples/websocket.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod websocket;

/// The application with both examples and one user, and its page under two origins.
struct Application {
    auth: Counterfoil,
    chromium: &'static Chromium,
    own: String,
    /// Another port of the same site: the browser sends the cookies of the user.
    other: String,
    _folder: TempDir,
}

fn page() -> Router {
    Router::new().route("/", get(|| async { Html("<!doctype html><title>Shop</title>") }))
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (listener, origin)
}

impl Application {
    async fn open() -> Option<Self> {
        let chromium = Chromium::open()?;
        let folder = tempfile::tempdir().unwrap();
        let ((listener, own), (other_listener, other)) = (listen(), listen());
        let auth = Counterfoil::builder()
            .issuer(&own)
            .store(format!("sqlite:{}", folder.path().join("sockets.db").display()))
            .configure(|settings| {
                settings.argon2 = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };
            })
            .open()
            .await
            .unwrap();
        auth.register(&ClientInfo::new(None, None), NewUser::new("ada", "correct horse")).await.unwrap();
        let ticks = Router::new().route("/ticks", get(server_sent_events::ticks)).layer(auth.layer());
        let router = websocket::sockets(&auth).merge(ticks).merge(page());
        let never = std::future::pending;
        tokio::spawn(counterfoil::serve(router, listener, Limits::default(), never()));
        tokio::spawn(counterfoil::serve(page(), other_listener, Limits::default(), never()));
        Some(Self { auth, chromium, own, other, _folder: folder })
    }

    /// Logs in by a cookie, in the profile of the user.
    fn log_in(&self, mode: &str) {
        let form =
            json!({ "username": "ada", "password": "correct horse", "mode": mode, "transport": "cookie" });
        let headers = json!({ "Content-Type": "application/json" });
        let init = json!({ "method": "POST", "headers": headers, "body": form.to_string() });
        let login = self.chromium.fetch(&self.own, &self.own, &format!("{}/v1/login", self.own), &init);
        assert_eq!(login.unwrap()["status"], 200);
    }

    /// Opens a WebSocket or an event stream in a page of the user at `origin`; when it is open, the page logs out.
    fn connection(&self, kind: &str, origin: &str) -> Value {
        let logout = format!("{}/v1/logout", self.own);
        let url = match kind {
            "WebSocket" => self.own.replace("http://", "ws://") + "/echo",
            _ => format!("{}/ticks", self.own),
        };
        self.chromium.connect(&self.own, origin, &json!({ "kind": kind, "url": url, "logout": logout }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sees_the_close_code_4401_and_the_last_event_of_a_stream() {
    let Some(application) = Application::open().await else { return };
    for mode in ["session", "hybrid"] {
        application.log_in(mode);
        let closed = application.connection("WebSocket", &application.own);
        assert_eq!(closed, json!({ "code": 4401, "reason": "session_ended", "wasClean": true }), "{mode}");

        application.log_in(mode);
        let last = application.connection("EventSource", &application.own);
        assert_eq!(last, json!({ "type": "session_ended", "data": "session_ended" }), "{mode}");
    }
    application.auth.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_opens_no_connection_as_the_user() {
    let Some(application) = Application::open().await else { return };
    application.log_in("session");

    let closed = application.connection("WebSocket", &application.other);
    assert_eq!(closed, json!({ "code": 1006, "reason": "", "wasClean": false }));
    let refused = application.connection("EventSource", &application.other);
    assert_eq!(refused, json!({ "type": "error" }));

    // The user is logged in all the same.
    let closed = application.connection("WebSocket", &application.own);
    assert_eq!(closed["code"], 4401);
    application.auth.close().await.unwrap();
}
