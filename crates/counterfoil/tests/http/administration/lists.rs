//! Every list: its pages have each record once, and the last page has no cursor, however the pages divide the list.

use serde_json::{Value, json};

use super::{Admin, UserCredentials};
use crate::client::Request;
use crate::openapi_contract::{operations, path_of};
use crate::test_server::{PASSWORD, TestServer, text};

/// The routes that return a page: those with the parameters `limit` and `after`.
fn lists() -> Vec<String> {
    let is_list = |operation: &Value| {
        let names =
            operation["parameters"].as_array().into_iter().flatten().map(|parameter| &parameter["name"]);
        names.filter(|name| *name == "after" || *name == "limit").count() == 2
    };
    let lists =
        operations().into_iter().filter(|(_, method, operation)| method == "get" && is_list(operation));
    lists.map(|(path, ..)| path).collect()
}

async fn page(server: &TestServer, bearer: &str, path: &str) -> (Vec<Value>, Option<String>) {
    let response = Request::get(path).bearer(bearer).send(server).await;
    assert_eq!(response.status, 200, "{path} {response:?}");
    let body = response.json();
    let rows = body.as_object().unwrap().values().find_map(Value::as_array).unwrap();
    let keys = body["refresh_token_keys"].as_array().cloned().unwrap_or_default();
    let is_key_list = body["keys"].is_array();
    let rows =
        if is_key_list { [body["keys"].as_array().unwrap().clone(), keys].concat() } else { rows.clone() };
    (rows, body["next"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn no_list_announces_an_empty_page() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.add_admin("root").await;
    let admin = Admin::new(&server).await;
    for name in ["bob", "cleo"] {
        let user = json!({ "username": name, "password": PASSWORD });
        admin.send_ok("POST", "/v1/admin/users", &user).await;
        admin.send_ok("POST", "/v1/admin/clients", &json!({ "id": name })).await;
        admin.send_ok("POST", "/v1/admin/admin-keys", &json!({ "name": name })).await;
        admin.send_ok("POST", "/v1/admin/verifier-keys", &json!({ "name": name })).await;
    }
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    for client in ["client:bob", "client:cleo"] {
        admin.revoke(client).await;
    }
    let lists = lists();
    assert!(lists.len() >= 8, "{lists:?}");

    for template in lists {
        let path = path_of(&template.replace("{id}", &ada.user));
        let is_admin = template.starts_with("/v1/admin/") || template == "/v1/revocations";
        let bearer = if is_admin { &admin.bearer } else { text(&ada.session, "session_token") };
        let (all, end) = page(&server, bearer, &format!("{path}?limit=100")).await;
        // No process follows the feed here, and there are no nodes with SQLite.
        let min = if ["/v1/admin/verifiers", "/v1/admin/nodes"].contains(&&*template) { 0 } else { 2 };
        assert!(all.len() >= min && end.is_none(), "{template}: {all:?} {end:?}");
        for limit in 1..=all.len() {
            let (mut found, mut after) = (0, String::new());
            loop {
                let (rows, next) = page(&server, bearer, &format!("{path}?limit={limit}{after}")).await;
                assert!(!rows.is_empty() && rows.len() <= limit, "{template}: {limit} {rows:?}");
                found += rows.len();
                let Some(next) = next else { break };
                after = format!("&after={next}");
            }
            assert_eq!(found, all.len(), "{template}: limit={limit}");
        }
    }
}
