//! The steps of the demo that show sessions.

use serde_json::{Value, json};

use crate::commands::demo::client::Request;
use crate::commands::demo::step::{Step, Topic, shorten};
use crate::commands::demo::walk::{Walk, unexpected};
use crate::commands::demo_user::USERNAME;
use crate::error::CliError;

/// The session cookie of an issuer on plain HTTP and loopback.
const COOKIE: &str = "counterfoil-session";

/// A login with a wrong password.
pub(super) async fn wrong_password(walk: &mut Walk) -> Result<Step, CliError> {
    let form = json!({ "username": USERNAME, "password": "a wrong one" });
    let refused = walk.send(Request::new("POST", "/v1/login").json(form), 401).await?;
    Ok(Step {
        name: "wrong_password",
        topic: Topic::All,
        title: "log in with a wrong password",
        explanation: "Each mode begins with a login. A wrong password, an unknown user and a disabled user get the same \
                      answer after the same time, so an attacker learns no usernames.",
        shows: "credentials are checked before anything is issued",
        requests: Vec::new(),
        details: vec![format!("detail: {}", refused.text("/detail"))],
    })
}

/// A login with a cookie.
pub(super) async fn log_in(walk: &mut Walk) -> Result<Step, CliError> {
    let login = walk.log_in(json!({ "transport": "cookie", "label": "browser" })).await?;
    let set_cookie = login.cookie(COOKIE).ok_or_else(|| unexpected("a cookie"))?.to_owned();
    let (cookie, attributes) =
        set_cookie.split_once(';').ok_or_else(|| unexpected("attributes of the cookie"))?;
    cookie.clone_into(&mut walk.cookie);
    let (name, token) = cookie.split_once('=').ok_or_else(|| unexpected("a name of the cookie"))?;
    if !attributes.contains("HttpOnly") || !attributes.contains("SameSite=Lax") {
        return Err(unexpected("the attributes HttpOnly and SameSite of the cookie"));
    }
    Ok(Step {
        name: "session_login",
        topic: Topic::Session,
        title: "log in",
        explanation: "The server stores a session and gives the browser an opaque token in a cookie. All data stays on \
                      the server; of the token it keeps only a hash. HttpOnly: no script can read the cookie, so a \
                      script that was smuggled into the page (XSS) cannot send it away. SameSite: other sites cannot \
                      send it with their requests. With https it is also Secure.",
        shows: "the client holds only an id; it is the smallest credential",
        requests: Vec::new(),
        details: vec![
            format!("cookie: {name}={};{attributes}", shorten(token)),
            format!("size of the session token: {} bytes", token.len()),
        ],
    })
}

/// A request with the cookie, and one without.
pub(super) async fn present_cookie(walk: &mut Walk) -> Result<Step, CliError> {
    let known = walk.send(walk.with_cookie("GET", "/v1/me"), 200).await?;
    let username = known.text("/user/username").to_owned();
    if username != USERNAME {
        return Err(unexpected("the name of the user"));
    }
    walk.send(Request::new("GET", "/v1/me"), 401).await?;
    Ok(Step {
        name: "session_request",
        topic: Topic::Session,
        title: "send the cookie with a request",
        explanation: "The browser sends the cookie with every request. The server looks the session up, usually in \
                      memory, and knows the user. Without the cookie the answer is 401.",
        shows: "stateful: each request is checked against the stored session",
        requests: Vec::new(),
        details: vec![format!("user: {username}")],
    })
}

/// A write that a page of another site sends with the cookie.
pub(super) async fn cross_site_request(walk: &mut Walk) -> Result<Step, CliError> {
    let forged = Request::new("PATCH", "/v1/session/data")
        .header("Cookie", &*walk.cookie)
        .header("Origin", "https://attacker.example")
        .json(json!({ "theme": "dark" }));
    walk.send(forged, 403).await?;
    let own = walk.with_cookie("PATCH", "/v1/session/data").json(json!({ "theme": "dark" }));
    let stored = walk.send(own, 200).await?;
    if stored.text("/theme") != "dark" {
        return Err(unexpected("the stored data"));
    }
    Ok(Step {
        name: "session_cross_site",
        topic: Topic::Session,
        title: "refuse a request that another site forged (CSRF)",
        explanation: "A browser attaches cookies by itself, so a page of an attacker could write in the user's name. \
                      The browser names the page that sends a request (Origin, Sec-Fetch-Site): pages of other \
                      origins are refused, and no token in forms is needed. The data itself is stored with the session.",
        shows: "cookies need protection against CSRF; a token in a header does not",
        requests: Vec::new(),
        details: vec![format!("session data: {}", stored.body)],
    })
}

/// The list of all sessions.
pub(super) async fn list(walk: &mut Walk) -> Result<Step, CliError> {
    let list = walk.send(walk.with_cookie("GET", "/v1/sessions"), 200).await?;
    let sessions = list.body["sessions"].as_array().cloned().unwrap_or_default();
    let mode = |mode: &str| sessions.iter().filter(|session| session["mode"] == mode).count();
    if [mode("session"), mode("jwt"), mode("hybrid")] != [1, 1, 1] {
        return Err(unexpected("one session of each mode"));
    }
    let text = |session: &Value, member: &str| session[member].as_str().unwrap_or("-").to_owned();
    Ok(Step {
        name: "session_list",
        topic: Topic::All,
        title: "list the logins",
        explanation: "Each login is one session record on the server, whatever the client holds. So one list shows them \
                      all, also those with a JWT, and each can be ended.",
        shows: "with JWTs alone a server cannot list its logins; here it can",
        requests: Vec::new(),
        details: sessions
            .iter()
            .map(|session| format!("{:<8} {}", text(session, "mode"), text(session, "label")))
            .collect(),
    })
}

/// The logout of the session with the cookie.
pub(super) async fn log_out(walk: &mut Walk) -> Result<Step, CliError> {
    let logout = walk.send(walk.with_cookie("POST", "/v1/logout"), 204).await?;
    let cleared = logout.cookie(COOKIE).filter(|cookie| cookie.contains("Max-Age=0"));
    let cleared = cleared.ok_or_else(|| unexpected("a cleared cookie"))?.to_owned();
    walk.send(walk.with_cookie("GET", "/v1/me"), 401).await?;
    Ok(Step {
        name: "logout",
        topic: Topic::Session,
        title: "log out",
        explanation: "The server ends the session and clears the cookie. A copy of the cookie is refused from this \
                      moment on.",
        shows: "revocable at once",
        requests: Vec::new(),
        details: vec![format!("cookie: {cleared}")],
    })
}
