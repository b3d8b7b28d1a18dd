//! An application's own login page: an HTML form, logouts, a count of sessions. Open <http://localhost:3000>.
//!
//! ```sh
//! cargo run -p counterfoil --features server --example login_page
//! curl -H 'content-type: application/json' -d '{"username":"ada","password":"correct horse"}' localhost:3000/auth/v1/register
//! ```

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use counterfoil::{
    ClientInfo, Counterfoil, Credentials, Error, ErrorKind, Except, Limits, Principal, SetCookies,
};
use serde::Deserialize;

const FORM: &str = r#"<form method="post" action="/login">
<label>Username <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Log in</button></form>"#;
const BUTTONS: &str = r#"<form method="post"><button formaction="/logout">Log out</button>
<button formaction="/logout-everywhere">Log out everywhere</button></form>"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let auth = Counterfoil::builder().store("sqlite:login_page.db").base_path("/auth").open().await?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    let listener = std::net::TcpListener::bind("127.0.0.1:3000")?;
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

async fn home(auth: State<Counterfoil>, user: Option<Principal>) -> Result<Html<String>, Error> {
    let Some(user) = user else { return Ok(Html(FORM.to_owned())) };
    Ok(Html(format!("{} session(s) {BUTTONS}", auth.sessions(&user).list().await?.len())))
}

#[derive(Deserialize)]
struct LoginForm {
    username: String,
    password: String,
}

async fn log_in(auth: State<Counterfoil>, client: ClientInfo, Form(form): Form<LoginForm>) -> Response {
    let again = |problem| Html(format!("{problem} {FORM}")).into_response();
    match auth.login(&client, Credentials::password(form.username, form.password)).await {
        Ok(login) => (login.cookies(), Redirect::to("/")).into_response(),
        Err(error) => match error.kind() {
            ErrorKind::InvalidCredentials => again("The username or the password is wrong."),
            ErrorKind::RateLimited { .. } => again("Too many attempts. Try again later."),
            _ => error.into_response(),
        },
    }
}

type LoggedOut = Result<(SetCookies, Redirect), Error>;

/// By the cookies: after the access token has expired there is no `Principal`, but the session continues.
async fn log_out(auth: State<Counterfoil>, client: ClientInfo) -> LoggedOut {
    Ok((auth.logout_client(&client).await?, Redirect::to("/")))
}

async fn log_out_everywhere(auth: State<Counterfoil>, client: ClientInfo, user: Principal) -> LoggedOut {
    let ended = auth.sessions(&user).by_client(&client).end_all(Except::None).await?;
    Ok((ended.cookies(), Redirect::to("/")))
}
