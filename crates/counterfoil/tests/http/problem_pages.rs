//! Every `type` of a problem document is a page that explains it (RFC 9457, section 3.1.1).

use crate::client::{PROBLEM_PAGES, Request};
use crate::test_server::TestServer;

#[tokio::test]
async fn every_type_of_problem_has_a_page_for_people_and_for_programs() {
    let server = TestServer::open().await;
    for name in &*PROBLEM_PAGES {
        let path = format!("/problems/{name}");
        let page = async |accept: &str| Request::get(&path).header("accept", accept).send(&server).await;

        let (html, json, text) = (page("text/html").await, page("application/json").await, page("*/*").await);

        assert_eq!((html.status, json.status, text.status), (200, 200, 200), "{name}");
        assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(html.header("vary"), Some("accept"));
        let json = json.json();
        assert_eq!(json["type"], format!("{}{path}", server.origin));
        assert_eq!(json["code"], name.replace('-', "_"));
        for body in [&html.body, &text.body].map(|body| String::from_utf8_lossy(body)) {
            for member in ["title", "description", "remedy"] {
                assert!(body.contains(json[member].as_str().unwrap()), "{name} {member}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn the_type_of_a_problem_opens_as_its_page() {
    let server = TestServer::open().await;
    let problem = Request::get("/v1/me").bearer("cfs_x").send(&server).await.json();

    let page = problem["type"].as_str().unwrap().strip_prefix(&server.origin).unwrap();
    let page = Request::get(page).header("accept", "application/json").send(&server).await.json();

    assert_eq!(
        [&page["type"], &page["title"], &page["status"]],
        [&problem["type"], &problem["title"], &problem["status"]]
    );
    assert_eq!(Request::get("/problems/unknown").send(&server).await.status, 404);
}
