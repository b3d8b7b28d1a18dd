//! An application whose pages are for signed-in users. Counterfoil has the pages to register, sign in and sign out.
//!
//! ```sh
//! cargo run -p counterfoil --features pages,server --example signed_in_pages
//! ```
//!
//! Then open <http://localhost:3000/orders> in a browser.

use std::error::Error;
use std::net::TcpListener;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use counterfoil::{Counterfoil, Limits, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = Counterfoil::builder()
        .issuer("http://localhost:3000")
        .store("sqlite:signed_in_pages.db")
        .open()
        .await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    counterfoil::serve(shop(&auth), listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}

/// `/shop` is for all; below it, the orders are for signed-in users.
pub(crate) fn shop(auth: &Counterfoil) -> Router {
    let orders = Router::new().route("/orders", get(orders)).route_layer(auth.require_sign_in());
    Router::new()
        .route("/shop", get(async || Html(r#"<a href="/orders">Your orders</a>"#)))
        .merge(orders)
        .layer(auth.layer())
        .merge(auth.routes())
        .merge(auth.pages())
}

async fn orders(user: Principal) -> Html<String> {
    // A username is a text of the user. This page needs none, so nothing has to be escaped.
    Html(format!(r#"{} has no orders. <a href="/account">Your account</a>"#, user.subject()))
}
