//! The pages in each language.

use crate::browser::{PageBrowser, html};
use crate::test_server::TestServer;

#[tokio::test]
async fn the_browser_chooses_the_language_and_the_user_another() {
    let server = TestServer::open().await;
    server.register("ada").await;
    for (language, dir) in
        [("en", "ltr"), ("de", "ltr"), ("es", "ltr"), ("fr", "ltr"), ("ja", "ltr"), ("ar", "rtl")]
    {
        let mut browser = PageBrowser { language, ..PageBrowser::new() };
        let open = format!("<html lang=\"{language}\" dir=\"{dir}\">");
        for path in ["/login", "/register", "/logout", "/nothing"] {
            assert!(html(&browser.open(&server, path).await).contains(&open), "{language} {path}");
        }
        browser.sign_in(&server, "ada").await;
        for path in
            ["/account/sessions", "/account/security", "/account/activity", "/account/sessions/end-all"]
        {
            assert!(html(&browser.open(&server, path).await).contains(&open), "{language} {path}");
        }
    }

    let mut browser = PageBrowser { language: "de", ..PageBrowser::new() };
    let fields = [("lang", "ar"), ("return_to", "/login?client=default")];
    let response = browser.post(&server, "/language", &fields).await;
    assert_eq!((response.status, response.header("location")), (303, Some("/login?client=default")));
    assert!(html(&browser.open(&server, "/login").await).contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert_eq!(browser.post(&server, "/language", &[("lang", "xx")]).await.status, 422);
}
