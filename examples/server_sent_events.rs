//! An event stream that ends when the session of its user ends, at once and with a last event that says why.
//!
//! ```sh
//! cargo run -p counterfoil --features server --example server_sent_events
//! json='content-type: application/json' ada='{"username":"ada","password":"correct horse","mode":"jwt"}'
//! curl -H "$json" -d '{"username":"ada","password":"correct horse"}' localhost:3000/v1/register
//! curl -H "$json" -d "$ada" localhost:3000/v1/login
//! curl -N -H "authorization: Bearer <access_token>" localhost:3000/ticks
//! curl -X POST -H "authorization: Bearer <access_token>" localhost:3000/v1/logout
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::net::TcpListener;
use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use counterfoil::{Counterfoil, Limits, Principal};
use futures_util::stream::{self, Stream};
use tokio::time::interval;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = Counterfoil::open("sqlite:server_sent_events.db").await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    counterfoil::serve(streams(&auth), listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}

/// The layer authenticates the request, and refuses one with a cookie from a page of another origin.
pub(crate) fn streams(auth: &Counterfoil) -> Router {
    Router::new().route("/ticks", get(ticks)).layer(auth.layer()).merge(auth.routes())
}

/// Requires authentication: a request without a valid credential gets 401.
pub(crate) async fn ticks(user: Principal) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let clock = interval(Duration::from_secs(1));
    let events = stream::unfold((clock, Some(user.ended())), |(mut clock, ended)| async move {
        // Without it the last event was sent, and the stream ends.
        let mut ended = ended?;
        Some(tokio::select! {
            // A browser delivers an event only if it has data.
            end = &mut ended => (Event::default().event(end.as_str()).data(end.as_str()), (clock, None)),
            _ = clock.tick() => (Event::default().event("tick").data("1 s"), (clock, Some(ended))),
        })
    });
    Sse::new(stream::StreamExt::map(events, Ok)).keep_alive(KeepAlive::default())
}
