//! A shop that embeds Counterfoil, with everything that an application usually needs: its own users and login page, routes for a
//! role, sessions, claims, its own cookie names, routes below a path, shared state, and a graceful shutdown.

mod customers;

use std::collections::HashMap;
use std::error::Error;
use std::net::TcpListener;

use axum::extract::{FromRef, State};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use counterfoil::serde_json::json;
use counterfoil::{
    ClientInfo, CookieOptions, Counterfoil, CounterfoilBuilder, Credentials, Except, HasRole, Limits,
    Principal, Role, SameSite,
};

use crate::customers::Customers;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let builder = builder("http://localhost:3000", "sqlite:shop.db").users(Customers::new());
    let auth = builder.open().await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    // The limits and time-outs of the server, also for the application's routes.
    let limits = Limits::default().with(|limits| limits.max_connections = 1_000);
    counterfoil::serve(router(Shop::new(auth.clone())), listener, limits, shutdown).await?;
    Ok(auth.close().await?)
}

/// Cookies with a name of their own, the routes below `/auth`, and a claim in access tokens.
fn builder(issuer: &str, store: &str) -> CounterfoilBuilder {
    Counterfoil::builder()
        .issuer(issuer)
        .store(store)
        .base_path("/auth")
        .cookies(CookieOptions::new().name("shop").same_site(SameSite::Lax))
        .claims(|user| json!({ "tenant": user.username().split('.').next() }))
}

/// The state of the application. Its handlers share one Counterfoil.
#[derive(Clone)]
struct Shop {
    auth: Counterfoil,
    name: &'static str,
}

impl Shop {
    fn new(auth: Counterfoil) -> Self {
        Self { auth, name: "The shop" }
    }
}

impl FromRef<Shop> for Counterfoil {
    fn from_ref(shop: &Shop) -> Self {
        shop.auth.clone()
    }
}

fn router(shop: Shop) -> Router {
    let (layer, routes) = (shop.auth.layer(), shop.auth.routes());
    Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/logout-everywhere", post(log_out_everywhere))
        .route("/tenant", get(tenant))
        .route("/orders", get(orders))
        .with_state(shop)
        .layer(layer)
        .merge(routes)
}

async fn home(State(shop): State<Shop>, user: Option<Principal>) -> Html<String> {
    let user = user.map_or_else(|| "guest".to_owned(), |user| user.subject().to_owned());
    Html(format!("{}: hello, {user}", shop.name))
}

async fn log_in(
    State(auth): State<Counterfoil>,
    client: ClientInfo,
    Form(form): Form<HashMap<String, String>>,
) -> Result<impl IntoResponse, counterfoil::Error> {
    let field = |name| form.get(name).map(String::as_str).unwrap_or_default();
    let login = auth.login(&client, Credentials::password(field("username"), field("password"))).await?;
    Ok((login.cookies(), Redirect::to("/")))
}

async fn log_out(
    State(auth): State<Counterfoil>,
    user: Principal,
) -> Result<impl IntoResponse, counterfoil::Error> {
    Ok((auth.logout(&user).await?, Redirect::to("/")))
}

async fn log_out_everywhere(
    State(auth): State<Counterfoil>,
    user: Principal,
) -> Result<impl IntoResponse, counterfoil::Error> {
    let ended = auth.sessions(&user).end_all(Except::None).await?;
    Ok((ended.cookies(), Redirect::to("/")))
}

async fn tenant(user: Principal) -> String {
    user.claim("tenant").map_or_else(String::new, ToString::to_string)
}

struct Staff;

impl Role for Staff {
    const NAME: &str = "staff";
}

async fn orders(user: HasRole<Staff>) -> String {
    format!("All orders, for {}", user.subject())
}

#[cfg(test)]
mod tests;
