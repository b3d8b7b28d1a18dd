//! What a developer sends first, with a cookie jar: `curl`, and a jar with the rules of browsers.

use serde_json::json;

use counterfoil::{CookieOptions, Settings};

use crate::browser_jar::BrowserJar;
use crate::client::{Request, Response, exchange};
use crate::curl::Jar;
use crate::test_server::{PASSWORD, TestServer};

fn login_form() -> serde_json::Value {
    json!({ "username": "ada", "password": PASSWORD, "transport": "cookie" })
}

#[tokio::test]
async fn a_write_with_a_jar_is_told_which_header_is_missing_and_works_with_it() {
    let Some(jar) = Jar::new() else { return };
    let server = TestServer::open().await;
    server.register("ada").await;
    let form = login_form().to_string();

    let first = jar.send(&server, &["--json", &form], "/v1/login").await;
    let (status, refused) = jar.send(&server, &["--json", &form], "/v1/login").await;

    assert_eq!((first.0, status), (200, 403));
    assert!(refused.contains(&format!("curl: -H 'Origin: {}'", server.origin)), "{refused}");
    assert!(!refused.contains("comes from another site"), "{refused}");
    // A login replaces the login.
    let origin = format!("Origin: {}", server.origin);
    assert_eq!(jar.send(&server, &["--json", &form, "-H", &origin], "/v1/login").await.0, 200);
    assert_eq!(jar.send(&server, &[], "/v1/me").await.0, 200);
    let (_, sessions) = jar.send(&server, &[], "/v1/sessions").await;
    assert_eq!(sessions.matches("\"id\"").count(), 1, "{sessions}");
    assert_eq!(jar.send(&server, &["-X", "POST", "-H", &origin], "/v1/logout").await.0, 204);
    assert_eq!(jar.send(&server, &[], "/v1/me").await.0, 401);
}

/// A server, and a browser at its host.
struct Setup {
    server: TestServer,
    jar: BrowserJar,
    /// The name of the session cookie.
    session: &'static str,
}

impl Setup {
    async fn new(host: &str, session: &'static str, change: impl FnOnce(&mut Settings)) -> Self {
        let server = TestServer::with(change).await;
        server.register("ada").await;
        Self { server, jar: BrowserJar::new(host), session }
    }

    async fn on_loopback(host: &'static str) -> Self {
        let issuer = format!("http://{host}:3000");
        Self::new(host, "counterfoil-session", |settings| settings.issuer = issuer.parse().unwrap()).await
    }

    async fn with_domain() -> Self {
        Self::new("auth.shop.example", "__Secure-session", |settings| {
            settings.issuer = "https://auth.shop.example".parse().unwrap();
            settings.cookies = CookieOptions::new().domain("shop.example");
        })
        .await
    }

    async fn send(&mut self, request: Request) -> Response {
        let (path, mut request) = (request.path.clone(), request.header("sec-fetch-site", "same-origin"));
        if let Some(line) = self.jar.header(&path) {
            request = request.header("cookie", line);
        }
        let response = exchange(&self.server, &request.bytes()).await.unwrap();
        response.all("set-cookie").iter().for_each(|line| self.jar.receive(&path, line));
        response
    }

    async fn log_in(&mut self) -> u16 {
        self.send(Request::post("/v1/login").json(&login_form())).await.status
    }

    async fn me(&mut self) -> u16 {
        self.send(Request::get("/v1/me")).await.status
    }
}

#[tokio::test]
async fn a_second_cookie_at_another_path_or_domain_locks_no_client_out() {
    let paths = ["Path=/v1", "Path=/v1/", "Path=/v1/me"];
    let domains =
        ["Path=/", "Path=/v1", "Domain=auth.shop.example; Path=/", "Domain=shop.example; Path=/v1/me"];
    for (mut setup, scopes) in [
        (Setup::on_loopback("127.0.0.1").await, &paths[..]),
        (Setup::on_loopback("localhost").await, &paths[..]),
        (Setup::with_domain().await, &domains[..]),
    ] {
        assert_eq!((setup.log_in().await, setup.me().await), (200, 200));
        for scope in scopes {
            setup.jar.receive("/v1/me", &format!("{}=cfs_of_another_time; {scope}", setup.session));
            assert_eq!(setup.jar.len(), 2, "{scope}");

            let refused = setup.send(Request::get("/v1/me")).await;

            assert_eq!(
                (refused.status, refused.problem().as_str()),
                (400, "ambiguous_credential"),
                "{scope}"
            );
            assert_eq!(setup.jar.len(), 1, "{scope}: {refused:?}");
            assert_eq!(setup.me().await, 200, "{scope}: the live cookie stays");
        }
    }
}

#[tokio::test]
async fn two_cookies_that_are_both_dead_are_both_cleared_and_a_login_works() {
    let mut setup = Setup::on_loopback("localhost").await;
    for (value, path) in [("cfs_one", "/"), ("cfs_other", "/v1")] {
        setup.jar.receive("/", &format!("{}={value}; Path={path}", setup.session));
    }

    assert_eq!(setup.log_in().await, 400);

    assert_eq!(setup.jar.len(), 0);
    assert_eq!((setup.log_in().await, setup.me().await), (200, 200));
}

/// Browsers send the cookies of a host to all its ports.
#[tokio::test]
async fn two_installations_on_one_host_keep_their_logins_in_one_jar() {
    for mode in ["session", "hybrid"] {
        let installation = |name: &'static str| {
            Setup::new("localhost", name, move |settings| {
                settings.issuer = "http://localhost:3000".parse().unwrap();
                settings.cookies = CookieOptions::new().name(name);
            })
        };
        let (mut shop, mut blog) = (installation("shop").await, installation("blog").await);
        let mut form = login_form();
        form["mode"] = json!(mode);
        let login = || Request::post("/v1/login").json(&form);

        assert_eq!(shop.send(login()).await.status, 200);
        let cookies = shop.jar.len();
        // The browser opens the blog.
        std::mem::swap(&mut shop.jar, &mut blog.jar);
        assert_eq!((blog.send(login()).await.status, blog.me().await), (200, 200), "{mode}");
        assert_eq!(blog.jar.len(), 2 * cookies, "{mode}");

        std::mem::swap(&mut shop.jar, &mut blog.jar);
        assert_eq!(shop.me().await, 200, "{mode}: the login at the blog has replaced that at the shop");
        assert_eq!(
            (shop.send(Request::post("/v1/logout")).await.status, shop.me().await),
            (204, 401),
            "{mode}"
        );

        std::mem::swap(&mut shop.jar, &mut blog.jar);
        assert_eq!(blog.me().await, 200, "{mode}: the logout at the shop has ended the login at the blog");
    }
}
