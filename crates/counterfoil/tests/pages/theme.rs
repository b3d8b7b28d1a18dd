//! The look of the pages: what an operator changes is loaded by each page, and served from the own origin.

use counterfoil::{Language, Logo, Original, OverrideFile, Overrides, StyleSheet};

use crate::browser::{PageBrowser, after, html};
use crate::client::{Request, Response};
use crate::test_server::TestServer;

/// The addresses of the style sheets of a page, in their order.
fn style_sheets(page: &str) -> Vec<String> {
    let links = page.split("rel=\"stylesheet\" href=\"").skip(1);
    links.map(|rest| rest.split('"').next().unwrap().replace("&#x2f;", "/")).collect()
}

/// A static file, as a page loads it.
async fn load(browser: &mut PageBrowser, server: &TestServer, path: &str) -> Response {
    let response = browser.send(server, Request::get(path).header("sec-fetch-dest", "style")).await;
    assert_eq!(response.status, 200, "{path}");
    assert_eq!(response.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    response
}

#[tokio::test]
async fn the_accent_is_a_style_sheet_after_ours() {
    let plain = TestServer::open().await;
    let accent = "#3a1c71".parse().unwrap();
    let server = TestServer::with(|settings| settings.pages.theme.accent = Some(accent)).await;
    let mut browser = PageBrowser::new();

    let ours = style_sheets(&html(&browser.open(&plain, "/login").await));
    let sheets = style_sheets(&html(&browser.open(&server, "/login").await));
    assert_eq!(ours.len(), 1);
    assert_eq!((sheets.len(), &sheets[0]), (2, &ours[0]));
    let accent = load(&mut browser, &server, &sheets[1]).await;
    assert_eq!(accent.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(String::from_utf8(accent.body).unwrap().contains("--button:#3a1c71;"));
    assert_eq!(browser.open(&plain, &sheets[1]).await.status, 404, "the file of another server");
}

#[tokio::test]
async fn the_style_sheet_of_the_operator_is_the_last_one() {
    let css = ".gate{--r:2px}";
    let server = TestServer::with(|settings| {
        settings.base_path = "/auth".parse().unwrap();
        settings.pages.theme.accent = Some("#ffd400".parse().unwrap());
        settings.pages.theme.style_sheet = Some(StyleSheet::new(css.into()).unwrap());
    })
    .await;
    let mut browser = PageBrowser::new();

    let sheets = style_sheets(&html(&browser.open(&server, "/auth/login").await));
    let stems = ["/auth/assets/counterfoil.", "/auth/assets/accent.", "/auth/assets/theme."];
    assert_eq!(sheets.len(), stems.len());
    assert!(sheets.iter().zip(stems).all(|(sheet, stem)| sheet.starts_with(stem)), "{sheets:?}");
    let theme = load(&mut browser, &server, &sheets[2]).await;
    assert_eq!(theme.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(theme.body, css.as_bytes());
}

#[tokio::test]
async fn the_logo_is_a_file_that_may_run_no_script() {
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
    let logo = Logo::new(svg.into()).unwrap();
    let server = TestServer::with(|settings| settings.pages.theme.logo = Some(logo)).await;
    let mut browser = PageBrowser::new();

    let page = html(&browser.open(&server, "/login").await);
    assert!(!page.contains("<script") && !page.contains("mark-half"), "it is no part of the page");
    let brand = after(&page, "class=\"brand\"", "</a>");
    assert!(brand.contains("alt=\"\"") && brand.contains("Counterfoil"), "{brand}");
    let file = load(&mut browser, &server, after(brand, "img src=\"", "\"")).await;
    assert_eq!((file.header("content-type"), &file.body[..]), (Some("image/svg+xml"), svg.as_bytes()));
    let policy = file.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    assert!(!policy.contains("script"), "{policy}");
}

#[tokio::test]
async fn only_the_languages_of_the_settings_are_offered() {
    let languages = vec![Language::German, Language::French];
    let server = TestServer::with(|settings| settings.pages.theme.languages = languages).await;
    for (accepted, shown) in [("fr", "fr"), ("en", "de"), ("ja, fr;q=0.1", "fr")] {
        let mut browser = PageBrowser { language: accepted, ..PageBrowser::new() };
        let page = html(&browser.open(&server, "/login").await);
        assert!(page.contains(&format!("<html lang=\"{shown}\"")), "{accepted}: {page}");
        assert_eq!(page.matches("name=\"lang\"").count(), 2, "{page}");
    }
    let mut browser = PageBrowser::new();
    assert_eq!(browser.post(&server, "/language", &[("lang", "ja")]).await.status, 422);
    assert_eq!(browser.post(&server, "/language", &[("lang", "fr")]).await.status, 303);
    assert!(html(&browser.open(&server, "/login").await).contains("<html lang=\"fr\""));

    let one = vec![Language::German];
    let server = TestServer::with(|settings| settings.pages.theme.languages = one).await;
    let page = html(&browser.open(&server, "/login").await);
    assert!(page.contains("<html lang=\"de\"") && !page.contains("name=\"lang\""), "nothing to choose");
}

#[tokio::test]
async fn a_template_and_a_text_of_the_operator_take_the_place_of_ours() {
    let original = Original::templates().find(|file| file.name == "login.html").unwrap().content;
    let changed = original.replace("<h1>", "<p id=\"welcome\">Welcome to {{ frame.product }}</p><h1>");
    let template = OverrideFile { name: "login.html".to_owned(), content: changed.into_bytes() };
    let texts = OverrideFile {
        name: "en.ftl".to_owned(),
        content: b"sign-in = Enter\nnot-found-title = Lost\n".into(),
    };
    let overrides = Overrides::new(vec![template], vec![texts]).unwrap();
    let server = TestServer::with(|settings| settings.pages.theme.overrides = Some(overrides)).await;
    let mut browser = PageBrowser::new();

    let login = html(&browser.open(&server, "/login").await);
    assert!(login.contains("<p id=\"welcome\">Welcome to Counterfoil</p><h1>Enter</h1>"), "{login}");
    let missing = browser.open(&server, "/nothing").await;
    assert_eq!(missing.status, 404);
    assert!(html(&missing).contains("<h1>Lost</h1>"));
    let plain = TestServer::open().await;
    assert!(html(&browser.open(&plain, "/login").await).contains("<h1>Sign in</h1>"));
}
