//! The answer to a choice, as an address, a program and files.

use std::path::Path;

use counterfoil::operator::advice::Answers;

use crate::fixture::Site;
use crate::programs;

#[test]
fn the_address_of_a_choice_is_the_answer() {
    let site = Site::start();
    let form = site.get("/lab/choose");
    assert_eq!(form.status, 200);
    assert!(form.body.contains("Which for me?") && !form.body.contains("What suits"), "{form:?}");
    assert!(form.body.contains("id=\"client-spa\"") && !form.body.contains("Choose at least one"));

    let chosen = site.get("/lab/choose?spa=on&services=on&domains=one&logout=delayed&verifiers=none");

    assert_eq!(chosen.status, 200);
    for text in [
        "What suits",
        "action=\"/lab/choose#advice\"",
        "a script that an attacker",
        "id=\"client-spa\" name=\"spa\" value=\"on\" checked",
        "Need immediate session revocation <span class=\"soft\">(no)",
        "(the answers do not decide it)",
        "verifiers=own-services",
        "counterfoil init --answers -",
        "v1&#x2f;login",
        ".layer(auth.layer())",
    ] {
        assert!(chosen.body.contains(text), "{text}: {chosen:?}");
    }
    // Each link leads to the page with one other answer.
    let link = chosen.body.split("href=\"/lab/choose?").nth(1).unwrap().split(['#', '"']).next().unwrap();
    let other = site.get(&format!("/lab/choose?{}", link.replace("&amp;", "&").replace("&#x2f;", "/")));
    assert!(other.status == 200 && other.body.contains("What suits"), "{link} {other:?}");
}

#[test]
fn the_programs_of_a_choice_are_those_that_the_compiler_has_read() {
    let site = Site::start();
    let page = site.get("/lab/choose?mobile=on&domains=one&logout=immediate&verifiers=own-services").body;
    let unescaped = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x2f;", "/"), ("&amp;", "&")];
    let trimmed = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let compiled = trimmed(programs::SOURCE);
    for id in ["program", "service"] {
        let shown = page.split(&format!("aria-labelledby=\"{id}\">")).nth(1).unwrap();
        let shown = shown.split("</pre>").next().unwrap().to_owned();
        let shown = unescaped.iter().fold(shown, |text, (escaped, sign)| text.replace(escaped, sign));

        let lines = trimmed(shown.trim_end().trim_end_matches(';'));
        assert!(lines.lines().count() >= 4 && compiled.contains(&lines), "{id}: {lines}");
    }
    let alone = site.get("/lab/choose?pages=on&domains=one&logout=immediate&verifiers=none").body;
    assert!(!alone.contains("id=\"service\""), "{alone}");
}

#[test]
fn the_documents_that_a_choice_names_are_about_the_languages() {
    let site = Site::start();
    let page = site.get("/lab/choose?spa=on&domains=one&logout=immediate&verifiers=own-services").body;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (name, words) in [
        ("express.md", &["# Express", "@counterfoil/node"][..]),
        (
            "resource-server.md",
            &["clients/python", "FastAPI", "Flask", "Django", "## Go\n", "## Spring Boot"],
        ),
        ("tokens.md", &["## Verifying in other languages"]),
    ] {
        assert!(page.contains(&format!("<code>docs/{name}</code>")), "{name}: {page}");
        let text = std::fs::read_to_string(docs.join(name)).unwrap();
        for word in words {
            assert!(text.contains(word), "{name}: {word}");
        }
    }
    let alone = site.get("/lab/choose?pages=on&domains=one&logout=immediate&verifiers=none").body;
    assert!(alone.contains("<code>docs/express.md</code>"), "{alone}");
}

#[test]
fn the_files_of_a_choice_are_saved_under_their_names() {
    let site = Site::start();
    let query = "spa=on&mobile=on&domains=many&logout=immediate&verifiers=none";
    let page = site.get(&format!("/lab/choose?{query}")).body;
    for link in ["/lab/choose.toml?spa=on", "/lab/choose.json?spa=on"] {
        assert!(page.contains(link), "{link}: {page}");
    }

    let toml = site.get(&format!("/lab/choose.toml?{query}"));
    assert_eq!((toml.status, toml.body.as_str()), (200, "# spa mobile [\"https://app.example\"]\n"));
    for header in ["content-type: application/toml", "attachment; filename=\"counterfoil.toml\""] {
        assert!(toml.head.contains(header), "{toml:?}");
    }
    assert!(toml.head.contains("nosniff") && toml.head.contains("cache-control: no-store"), "{toml:?}");

    let json = site.get(&format!("/lab/choose.json?{query}"));
    assert!(json.head.contains("attachment; filename=\"answers.json\""), "{json:?}");
    let answers: Answers = serde_json::from_str(&json.body).unwrap();
    assert_eq!((answers.domains.as_str(), answers.trusted_origins.len()), ("many", 1));

    for file in ["choose.toml", "choose.json"] {
        for query in ["", "domains=one", "spa=toaster"] {
            let refused = site.get(&format!("/lab/{file}?{query}"));
            assert_eq!(refused.status, 422, "{file} {query}");
            assert!(!refused.head.contains("attachment"), "{refused:?}");
        }
    }
}

#[test]
fn a_choice_without_a_client_and_an_unknown_answer_say_what_to_do() {
    let site = Site::start();
    let missing = site.get("/lab/choose?domains=one&logout=immediate&verifiers=none");
    assert!(missing.body.contains("Choose at least one.") && missing.body.contains("<title>Error: "));
    for query in ["spa=toaster", "logout=%3Cscript%3E", "domains=one&domains=two"] {
        let unknown = site.get(&format!("/lab/choose?{query}"));
        assert_eq!(unknown.status, 422, "{query}");
        assert!(!unknown.body.contains("toaster") && !unknown.body.contains("script"), "{unknown:?}");
    }
}
