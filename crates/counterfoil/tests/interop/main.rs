//! Interoperability with JWT libraries of other languages: they verify our tokens, and we verify theirs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../http/client.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod client;
mod express;
mod foreign_library;
mod foreign_tokens;
mod our_tokens;
mod status_list;
#[path = "../http/test_server.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod test_server;

#[test]
fn docs_tokens_md_contains_the_tested_code_verbatim() {
    let document = include_str!("../../../../docs/tokens.md");
    for code in [
        include_str!("node/with-jose.mjs"),
        include_str!("node/with-jsonwebtoken.mjs"),
        include_str!("python/with_pyjwt.py"),
        include_str!("python/with_joserfc.py"),
    ] {
        assert!(document.contains(code), "docs/tokens.md must contain this code:\n{code}");
    }
}
