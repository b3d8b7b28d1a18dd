//! The last administrator is not taken away over HTTP.

use counterfoil::operator::Command;
use serde_json::json;

use super::{Admin, UserCredentials};
use crate::client::Request;
use crate::test_server::{TestServer, text};

#[tokio::test]
async fn the_last_administrator_is_kept_for_every_kind_of_caller() {
    let server = TestServer::open().await;
    server.add_admin("root").await;
    let root = UserCredentials::log_in(&server, "root", "default").await;
    let path = format!("/v1/admin/users/{}", root.user);
    let with_key = Admin::new(&server).await;
    let with_session = Admin { server: &server, bearer: text(&root.session, "session_token").to_owned() };

    for admin in [&with_key, &with_session] {
        let refused = [
            admin.send_json("PATCH", &path, &json!({ "roles": ["staff"] })).await,
            admin.send_json("PATCH", &path, &json!({ "remove_roles": ["admin"] })).await,
            admin.send_json("PATCH", &path, &json!({ "disabled": true })).await,
            admin.send("DELETE", &path).await,
        ];
        for response in refused {
            assert_eq!(response.status, 409, "{response:?}");
            let problem = response.json();
            assert_eq!(problem["code"], "last_administrator");
            assert!(text(&problem, "detail").contains("another user"), "{problem}");
        }
    }
    let by_command = server.app.administer(Command::UserDelete { user: "root".into() }).await.unwrap_err();
    assert!(by_command.hint.unwrap().contains("--add admin"));
    assert_eq!(with_session.send("GET", "/v1/admin/users").await.status, 200, "nothing was revoked");

    server.add_admin("grace").await;
    assert_eq!(with_session.send("DELETE", &path).await.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_administrators_who_delete_each_other_one_gets_409() {
    for _ in 0..5 {
        let server = TestServer::open().await;
        server.add_admin("root").await;
        server.add_admin("grace").await;
        let (root, grace) = (server.login("root", "session").await, server.login("grace", "session").await);
        let delete = async |by: &serde_json::Value, user: &serde_json::Value| {
            let path = format!("/v1/admin/users/{}", text(&user["user"], "id"));
            Request::new("DELETE", &path).bearer(text(by, "session_token")).send(&server).await.status
        };

        let (first, second) = tokio::join!(delete(&root, &grace), delete(&grace, &root));

        // The second one may have lost their session before the request is authorized.
        assert!(matches!([first, second], [204, 409 | 401] | [409 | 401, 204]), "{first}, {second}");
    }
}
