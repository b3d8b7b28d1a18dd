//! The examples with custom claims and with two audiences, run as they are, and the size and the header of each example.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use axum::Router;
use counterfoil::operator::Command;
use counterfoil::{Counterfoil, Limits, Secret};
use serde_json::{Value, json};

use crate::client::send;
use crate::fixture::Fixture;

#[path = "../../../../examples/custom_claims.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod custom_claims;

#[path = "../../../../examples/two_audiences.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
mod two_audiences;

fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(counterfoil::serve(router, listener, Limits::default(), std::future::pending()));
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn add_user(auth: &Counterfoil, username: &str, roles: &[&str]) {
    let ada = Command::UserAdd {
        username: username.into(),
        password: Secret::new("correct horse".into()),
        email: None,
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
    };
    auth.app().administer(ada).await.unwrap();
}

/// The response to a login.
async fn log_in(to: SocketAddr, username: &str, request: Value) -> Value {
    let mut body = json!({ "username": username, "password": "correct horse" });
    body.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    let reply = send(to, "POST /v1/login", &[], &body.to_string()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn bearer(login: &Value, member: &str) -> String {
    format!("authorization: Bearer {}", login[member].as_str().unwrap())
}

#[tokio::test]
async fn access_tokens_have_the_claims_of_the_application() {
    let fixture = Fixture::new();
    let argon2 = fixture.settings().argon2;
    let builder = Counterfoil::builder().store(format!("sqlite:{}", fixture.path("claims.db").display()));
    let builder = builder.configure(move |settings| settings.argon2 = argon2);
    let auth = custom_claims::with_claims(builder).open().await.unwrap();
    add_user(&auth, "acme.ada", &["manager"]).await;
    add_user(&auth, "acme.bob", &[]).await;
    let (listener, to) = listen();
    serve(listener, custom_claims::warehouse(&auth));

    let ada = log_in(to, "acme.ada", json!({ "mode": "hybrid" })).await;
    let stock = send(to, "GET /stock", &[&bearer(&ada, "access_token")], "").await;
    let bob = log_in(to, "acme.bob", json!({ "mode": "jwt" })).await;

    assert_eq!(stock.json(), json!({ "tenant": "acme" }));
    assert_eq!(send(to, "GET /prices", &[&bearer(&ada, "access_token")], "").await.status, 200);
    assert_eq!(send(to, "GET /prices", &[&bearer(&bob, "access_token")], "").await.status, 403);
    let refresh = json!({ "refresh_token": ada["refresh_token"] }).to_string();
    let refreshed = send(to, "POST /v1/refresh", &[], &refresh).await.json();
    let stock = send(to, "GET /stock", &[&bearer(&refreshed, "access_token")], "").await;
    assert_eq!(stock.json(), json!({ "tenant": "acme" }));
    auth.close().await.unwrap();
}

#[tokio::test]
async fn a_token_for_one_audience_is_refused_by_the_other() {
    let fixture = Fixture::new();
    let argon2 = fixture.settings().argon2;
    let (listener, to) = listen();
    let issuer = format!("http://{to}");
    let auth = Counterfoil::builder()
        .issuer(&issuer)
        .store(format!("sqlite:{}", fixture.path("audiences.db").display()))
        .configure(move |settings| settings.argon2 = argon2)
        .open()
        .await
        .unwrap();
    add_user(&auth, "ada", &[]).await;
    let services = two_audiences::service(&issuer, "orders").unwrap();
    let services = services.merge(two_audiences::service(&issuer, "billing").unwrap());
    serve(listener, services.merge(auth.routes()));

    for (audience, other) in [("orders", "billing"), ("billing", "orders")] {
        let request = json!({ "mode": "jwt", "audience": format!("{issuer}/{audience}") });
        let token = bearer(&log_in(to, "ada", request).await, "access_token");
        let own = send(to, &format!("GET /{audience}"), &[&token], "").await;
        assert!(own.status == 200 && own.body.starts_with(audience), "{own:?}");
        assert_eq!(send(to, &format!("GET /{other}"), &[&token], "").await.status, 401);
    }
    auth.close().await.unwrap();
}

/// The text of a file, by its path below the root of the workspace.
fn read(path: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the files at the top of `examples`, without `.rs`.
fn example_names() -> Vec<String> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// A newcomer reads an example as a whole.
#[test]
fn an_example_fits_on_one_screen() {
    let names = example_names();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let most = if name == "embedded" { 59 } else { 79 };
        let lines = read(&format!("examples/{name}.rs")).lines().count();
        assert!(lines <= most, "{name} has {lines} lines, more than {most}");
    }
}

#[test]
fn the_command_in_the_header_of_an_example_runs_it() {
    let manifests = [read("crates/counterfoil/Cargo.toml"), read("crates/verify/Cargo.toml")];
    for name in example_names() {
        let mut tables = manifests.iter().flat_map(|text| text.split("[["));
        let table = tables.find(|table| table.contains(&format!("name = \"{name}\"\n"))).unwrap_or_default();
        let features =
            table.lines().find_map(|line| line.strip_prefix("required-features = [")).unwrap_or_default();
        let header = read(&format!("examples/{name}.rs"));
        let end = format!("--example {name}");
        let command = header.lines().find(|line| line.starts_with("//! cargo ") && line.ends_with(&end));
        let command = command.unwrap_or_else(|| panic!("the header of {name} has no command"));
        let given: Vec<&str> = command.split([' ', ',']).collect();
        for feature in features.split('"').skip(1).step_by(2) {
            assert!(given.contains(&feature), "{name}: `{command}` lacks the feature {feature}");
        }
    }
}

#[test]
fn each_example_is_in_the_documentation_of_its_crate_and_in_a_guide() {
    let documentation = read("crates/counterfoil/src/embed/examples.rs") + &read("crates/verify/src/lib.rs");
    let guides = read("docs/embedding.md") + &read("docs/resource-server.md");
    for name in example_names() {
        let file = format!("examples/{name}.rs");
        assert!(documentation.contains(&format!("../{file}\")")), "no crate includes {file}");
        assert!(guides.contains(&format!("(../{file})")), "no guide names {file}");
    }
}
