//! A server with a console, and its administrator.

use serde_json::Value;

use crate::browser::PageBrowser;
use crate::client::Request;
use crate::test_server::{TestServer, text};

/// A server with the console, and the administrator `root`.
pub(crate) async fn console_server() -> TestServer {
    let server = TestServer::with(|settings| settings.console.enabled = true).await;
    server.add_admin("root").await;
    server
}

/// The same, and a browser in which `root` has signed in.
pub(crate) async fn administrator() -> (TestServer, PageBrowser) {
    let server = console_server().await;
    let mut browser = PageBrowser::new();
    browser.sign_in(&server, "root").await;
    (server, browser)
}

/// The id of a user, as the JSON routes have it.
pub(crate) async fn user_id(server: &TestServer, name: &str) -> String {
    let bearer = text(&server.login(name, "session").await, "session_token").to_owned();
    let me = Request::get("/v1/me").bearer(&bearer).send(server).await.json();
    text(&me["user"], "id").to_owned()
}

/// What a route for administrators returns.
pub(crate) async fn get(server: &TestServer, path: &str) -> Value {
    let bearer = text(&server.login("root", "session").await, "session_token").to_owned();
    Request::get(path).bearer(&bearer).send(server).await.json()
}
