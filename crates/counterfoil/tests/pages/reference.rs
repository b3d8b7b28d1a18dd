//! `/reference`: the calls of the HTTP API as pages.

use crate::browser::PageBrowser;
use crate::client::Response;
use crate::test_server::TestServer;

/// The page. It may name the prefixes of credentials, which no other page may contain.
fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

#[tokio::test]
async fn every_call_of_the_document_has_a_page() {
    let server = TestServer::open().await;
    let mut browser = PageBrowser::new();
    let list = browser.open(&server, "/reference").await;
    assert_eq!(list.status, 200);
    let list = text(&list);
    assert!(list.contains("<html lang=\"en\"") && !list.contains("<script"), "{list}");

    let document = counterfoil::openapi();
    let mut calls = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let (method, id) = (method.to_uppercase(), operation["operationId"].as_str().unwrap());
            let name = format!("{method} {}", path.replace('/', "&#x2f;"));
            assert!(list.contains(&format!("reference?call={id}\"><code>{name}</code>")), "{id}: {list}");
            let page = browser.open(&server, &format!("/reference?call={id}")).await;
            assert_eq!(page.status, 200, "{id}");
            let page = text(&page);
            assert!(page.contains(&format!("<h1 class=\"wrap\"><code>{name}</code></h1>")), "{page}");
            assert!(page.len() <= 60 * 1024, "{id} has {} bytes", page.len());
            for object in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
                assert!(page.contains(&format!(" id=\"{object}\"")), "{id} has no {object}");
            }
            calls += 1;
        }
    }
    assert!(calls > 50 && list.len() <= 60 * 1024, "{calls} calls, {} bytes", list.len());
}

#[tokio::test]
async fn a_call_says_what_it_takes_and_what_it_answers() {
    let server = TestServer::open().await;
    let page = text(&PageBrowser::new().open(&server, "/reference?call=login").await);
    for part in [
        "<p class=\"soft\">Credentials: none.</p>",
        "<code>username</code> <span class=\"tag\">required</span>",
        "<th scope=\"row\">401</th>",
        "<a href=\"#Problem\">Problem</a>",
        "<code class=\"wrap\">invalid_credentials</code>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn a_call_that_does_not_exist_is_not_found() {
    let server = TestServer::open().await;
    let response = PageBrowser::new().open(&server, "/reference?call=%3Cscript%3E").await;
    assert_eq!(response.status, 404);
    assert!(!text(&response).contains("<script>"));
}
