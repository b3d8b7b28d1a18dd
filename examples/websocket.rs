//! A WebSocket that closes when the session of its user ends, at once and with a reason.
//!
//! ```sh
//! cargo run -p counterfoil --features server --example websocket
//! json='content-type: application/json' ada='{"username":"ada","password":"correct horse","mode":"jwt"}'
//! curl -H "$json" -d '{"username":"ada","password":"correct horse"}' localhost:3000/v1/register
//! curl -H "$json" -d "$ada" localhost:3000/v1/login
//! websocat -H "authorization: Bearer <access_token>" ws://localhost:3000/echo
//! curl -X POST -H "authorization: Bearer <access_token>" localhost:3000/v1/logout
//! ```

use std::error::Error;
use std::net::TcpListener;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use counterfoil::{Counterfoil, CredentialEnd, Limits, Principal};
use tokio::time::timeout;

/// How long the client may take to confirm that the WebSocket is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = Counterfoil::open("sqlite:websocket.db").await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    counterfoil::serve(sockets(&auth), listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}

/// The layer authenticates the handshake, and refuses one with a cookie from a page of another origin.
pub(crate) fn sockets(auth: &Counterfoil) -> Router {
    Router::new().route("/echo", any(connect)).layer(auth.layer()).merge(auth.routes())
}

/// Requires authentication: a handshake without a valid credential gets 401.
pub(crate) async fn connect(user: Principal, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        // Whatever the socket is doing, the end of the session ends it.
        tokio::select! {
            end = user.ended() => close(socket, end).await,
            () = echo(&mut socket) => {}
        }
    })
}

/// The work of the application: it sends each text back.
async fn echo(socket: &mut WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Sends the close frame, and waits for the client's, so that the reason is not lost.
async fn close(mut socket: WebSocket, end: CredentialEnd) {
    let frame = CloseFrame { code: end.close_code(), reason: end.as_str().into() };
    let closing = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = timeout(CLOSE_TIMEOUT, closing).await;
}
