//! `GET /v1/admin/sessions`: the live sessions of all users.

use serde_json::{Value, json};

use super::{Admin, UserCredentials};
use crate::client::Request;
use crate::test_server::{TestServer, text};

#[tokio::test]
async fn the_sessions_of_all_users_are_listed_with_their_names_and_filtered() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let admin = Admin::new(&server).await;
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    let eve = UserCredentials::log_in(&server, "eve", "default").await;
    Request::post("/v1/logout").bearer(text(&eve.session, "session_token")).send(&server).await;
    let list = async |query: &str| {
        let list = admin.get(&format!("/v1/admin/sessions?{query}")).await;
        let rows = list["sessions"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "username").to_owned(), text(row, "mode").to_owned())).collect::<Vec<_>>()
    };
    let owned = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(user, mode)| ((*user).to_owned(), (*mode).to_owned())).collect()
    };

    let mut all = list("").await;
    all.sort();
    let expected = [("ada", "hybrid"), ("ada", "jwt"), ("ada", "session"), ("eve", "hybrid"), ("eve", "jwt")];
    assert_eq!(all, owned(&expected));
    assert_eq!(list(&format!("user={}", ada.user)).await.len(), 3);
    assert_eq!(list(&format!("user={}&mode=session", ada.user)).await, owned(&[("ada", "session")]));
    assert_eq!(list("ip=127.0.0.1").await.len(), 5);
    assert_eq!(list("ip=192.0.2.1").await.len(), 0);
    let row = &admin.get("/v1/admin/sessions?mode=session").await["sessions"][0];
    assert_eq!((&row["user"], &row["id"]), (&json!(ada.user), &ada.session["session"]["id"]));
    assert_eq!(row["current"], Value::Null);
    for bad in ["user=ada", "ip=local", "mode=cookie", "limit=1001", "after=x", "name=ada"] {
        assert_eq!(admin.send("GET", &format!("/v1/admin/sessions?{bad}")).await.status, 422, "{bad}");
    }
}
