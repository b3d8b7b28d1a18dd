//! An application with its own login page: an HTML form, a logout, and a page with the user's sessions.
//!
//! ```sh
//! cargo run -p counterfoil --example login_page
//! json='{"username":"ada","password":"correct horse"}'
//! curl -H 'content-type: application/json' -d "$json" localhost:3000/auth/v1/register
//! ```
//!
//! Then open <http://localhost:3000> in a browser.

use std::error::Error;
use std::net::TcpListener;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use counterfoil::{
    ClientInfo, CookieOptions, Counterfoil, Credentials, ErrorKind, Except, Limits, Principal,
};
use serde::Deserialize;

const FORM: &str = r#"<form method="post" action="/login">
<label>Username <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Log in</button></form>"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let builder = Counterfoil::builder().issuer("http://localhost:3000").store("sqlite:login_page.db");
    let auth = builder.base_path("/auth").cookies(CookieOptions::new().name("shop")).open().await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    counterfoil::serve(shop(&auth), listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}

/// The application's routes behind the authentication layer, and those of Counterfoil below `/auth`.
pub(crate) fn shop(auth: &Counterfoil) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/logout-everywhere", post(log_out_everywhere))
        .with_state(auth.clone())
        .layer(auth.layer())
        .merge(auth.routes())
}

async fn home(auth: State<Counterfoil>, user: Option<Principal>) -> Result<Html<String>, counterfoil::Error> {
    let Some(user) = user else { return Ok(Html(FORM.to_owned())) };
    let sessions = auth.sessions(&user).list().await?.len();
    let button =
        |action| format!(r#"<form method="post" action="/{action}"><button>{action}</button></form>"#);
    Ok(Html(format!("{sessions} session(s) {}{}", button("logout"), button("logout-everywhere"))))
}

#[derive(Deserialize)]
struct LoginForm {
    username: String,
    password: String,
}

async fn log_in(auth: State<Counterfoil>, client: ClientInfo, Form(form): Form<LoginForm>) -> Response {
    match auth.login(&client, Credentials::password(form.username, form.password)).await {
        Ok(login) => (login.cookies(), Redirect::to("/")).into_response(),
        Err(error) if error.kind() == ErrorKind::InvalidCredentials => {
            Html(format!("The username or the password is wrong. {FORM}")).into_response()
        }
        Err(error) if matches!(error.kind(), ErrorKind::RateLimited { .. }) => {
            Html(format!("Too many attempts. Try again later. {FORM}")).into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// By the cookies: after the access token has expired there is no `Principal`, but the session continues.
async fn log_out(
    auth: State<Counterfoil>,
    client: ClientInfo,
) -> Result<impl IntoResponse, counterfoil::Error> {
    Ok((auth.logout_client(&client).await?, Redirect::to("/")))
}

async fn log_out_everywhere(
    auth: State<Counterfoil>,
    client: ClientInfo,
    user: Principal,
) -> Result<impl IntoResponse, counterfoil::Error> {
    let ended = auth.sessions(&user).by_client(&client).end_all(Except::None).await?;
    Ok((ended.cookies(), Redirect::to("/")))
}
