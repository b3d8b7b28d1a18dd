//! What a proxy says about a request is complete and well-formed, or nothing passes.

use super::*;

const NAMES: [&str; 4] = ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"];
const VALID: [&str; 4] = ["GET", "https", "auth.example", "/orders"];

fn ask(lines: &[(&str, Vec<u8>)], token: &str) -> Request {
    let request = Request::get("/v1/verify/nginx").bearer(token);
    lines.iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// Sets in which one value is missing, repeated, joined or malformed: more than 200.
fn malformed_sets() -> Vec<Vec<(&'static str, Vec<u8>)>> {
    let valid = || NAMES.into_iter().zip(VALID.map(|value| value.as_bytes().to_vec())).collect::<Vec<_>>();
    let texts: [&[&str]; 4] = [
        &[
            "",
            "get",
            "GET,GET",
            "GET, POST",
            "G\tT",
            "GE T",
            "GET\u{e9}",
            "12",
            "A-B",
            "ABCDEFGHIJKLMNOPQRST",
        ],
        &["", "http", "HTTPS", "https,http", "https, https", "https:", "ftp", "javascript", "\u{e9}", "h"],
        &[
            "",
            "auth.example,app.example",
            "auth.example, auth.example",
            "auth.example/",
            "auth.example#",
            "auth.example?",
            "user@auth.example",
            "auth.example\\",
            "auth .example",
            "auth.example:x",
            "auth.example:99999",
            ":443",
            "[::1",
            "\u{e9}",
            "evil.example",
            "auth.example.evil.example",
            "evil.example#auth.example",
            "auth.example.",
            "auth.example:8443",
        ],
        &[
            "",
            "orders",
            "https://auth.example/",
            "*",
            "/a b",
            "/a#b",
            "/a\\b",
            "\\/",
            "/\u{e9}",
            "?",
            " ",
            "/\u{7f}",
            "/a,\u{80}",
            "http:/orders",
            "//a\\b",
        ],
    ];
    let mut sets = Vec::new();
    for (place, values) in texts.into_iter().enumerate() {
        for value in values {
            for suffix in ["", "\u{e9}", " x"] {
                let mut set = valid();
                set[place].1 = format!("{value}{suffix}").into_bytes();
                sets.push(set);
            }
        }
        let mut without = valid();
        without.remove(place);
        sets.push(without.clone());
        for other in
            ["x-original-uri", "x_forwarded_uri", "forwarded", "x-forwarded-prefix", "x-forwarded-server"]
        {
            let mut set = without.clone();
            set.push((other, VALID[place].as_bytes().to_vec()));
            sets.push(set);
        }
        for (second, _) in VALID.iter().enumerate() {
            let mut set = valid();
            set.push((NAMES[place], VALID[second].as_bytes().to_vec()));
            sets.push(set);
        }
        for bytes in [&b"\xff"[..], b"\xc3\xa9", b"/\xff", b"\x80GET"] {
            let mut set = valid();
            set[place].1 = bytes.to_vec();
            sets.push(set);
        }
    }
    sets
}

#[tokio::test]
async fn no_malformed_description_of_a_request_passes() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;
    let sets = malformed_sets();
    assert!(sets.len() >= 200, "{}", sets.len());

    for set in sets {
        let response = ask(&set, &token).send(&server).await;
        assert!(matches!(response.status, 400 | 403), "{set:?}: {response:?}");
        assert!(IDENTITY.iter().all(|name| response.all(name).is_empty()), "{set:?}");
    }
}

#[tokio::test]
async fn the_detail_names_the_header_and_the_line_to_add() {
    let server = server().await;
    let set: Vec<_> = NAMES.into_iter().zip(VALID.map(|value| value.as_bytes().to_vec())).take(3).collect();

    let response = ask(&set, "x").send(&server).await;

    assert_refused(&response, 400, "proxy_headers");
    let detail = response.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("proxy_set_header X-Forwarded-Uri $request_uri;"), "{detail}");
}

#[tokio::test]
async fn a_peer_that_is_no_proxy_is_not_believed() {
    let server = TestServer::with(|settings| {
        guard(settings);
        settings.forward_auth.proxies = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let token = session(&server, "ada", &[]).await;

    let response =
        page("nginx/optional").bearer(&token).header("x-forwarded-for", "192.0.2.1").send(&server).await;

    assert_refused(&response, 403, "untrusted_proxy");
}

#[tokio::test]
async fn an_option_with_a_typing_error_lets_no_request_pass() {
    let server = server().await;
    let token = session(&server, "ada", &["admin"]).await;

    for options in
        ["", "rolle=admin", "role", "optional&optional", "max_age=1m", "cookie&bearer", "role=%zz", "-&-"]
    {
        let response = page(&format!("nginx/{options}")).bearer(&token).send(&server).await;
        assert_refused(&response, 400, "proxy_options");
    }
}

/// What a client sends under the names of the answer is neither read nor sent back.
#[tokio::test]
async fn headers_of_a_client_name_no_user() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;
    let forge =
        |request: Request| IDENTITY.iter().fold(request, |request, name| request.header(name, "admin"));

    assert_refused(&forge(page("nginx")).send(&server).await, 401, "credential_required");
    let response = forge(page("nginx")).bearer(&token).send(&server).await;
    assert_allowed(&response);
    assert!(response.headers.iter().all(|(_, value)| value != "admin"), "{response:?}");
}
