//! Foreign libraries judge our tokens by our keys, and we judge theirs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

#[path = "../http/client.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod client;
mod foreign_library;
mod foreign_tokens;
mod our_tokens;
#[path = "../http/test_server.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod test_server;

/// What the documents show is what runs here.
#[test]
fn the_documents_show_the_code_that_is_run() {
    let document = include_str!("../../../../docs/tokens.md");
    for code in [
        include_str!("node/with-jose.mjs"),
        include_str!("node/with-jsonwebtoken.mjs"),
        include_str!("python/with_pyjwt.py"),
        include_str!("python/with_joserfc.py"),
    ] {
        assert!(document.contains(code), "docs/tokens.md shows other code than this:\n{code}");
    }
}
