//! The tokens in the cookies of the host: accepted by one host, and refused when they are forged.

use super::*;

#[tokio::test]
async fn a_host_token_is_accepted_by_its_own_host_only() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    ada.log_in_at_host(&server).await;
    let token = ada.host.cookie(TOKEN).unwrap().to_owned();

    assert_refused(&ada.ask(&server, "other.example", "GET").await, 401, "invalid_token");
    let issuers_host = ada.ask(&server, "auth.example", "GET").await;
    assert_refused(&issuers_host, 401, "credential_required");
    for route in ["/v1/me", "/v1/sessions", "/v1/session/data"] {
        assert_eq!(Request::get(route).bearer(&token).send(&server).await.status, 401, "{route}");
        let cookies = format!("__Host-session={token}; __Host-access={token}");
        assert_ne!(Request::get(route).header("cookie", cookies).send(&server).await.status, 200, "{route}");
    }
    assert_refused(&asked(APP, "GET").bearer(&token).send(&server).await, 401, "invalid_token");
    let session = text(&server.login("ada", "session").await, "session_token").to_owned();
    let as_host_token = asked(APP, "GET").header("cookie", format!("{TOKEN}={session}"));
    assert_refused(&as_host_token.send(&server).await, 401, "invalid_token");
}

#[tokio::test]
async fn forged_and_ambiguous_host_tokens_are_refused() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    ada.log_in_at_host(&server).await;
    let token = ada.host.cookie(TOKEN).unwrap().to_owned();
    let with = |line: String| asked(APP, "GET").header("cookie", line);

    let flipped = if token.ends_with('A') { "Q" } else { "A" };
    for bad in [
        "cfh_".to_owned(),
        token.replace("cfh_", "cfs_"),
        token[..token.len() - 1].to_owned(),
        format!("{}{flipped}", &token[..token.len() - 1]),
        format!("cfh_{}.{}", "A".repeat(22), "A".repeat(54)),
    ] {
        assert_refused(&with(format!("{TOKEN}={bad}")).send(&server).await, 401, "invalid_token");
    }
    let two = with(format!("{TOKEN}={token}; {TOKEN}=cfh_x")).send(&server).await;
    assert_refused(&two, 400, "ambiguous_credential");
    let both = with(format!("{TOKEN}={token}")).bearer("cfs_x").send(&server).await;
    assert_refused(&both, 400, "ambiguous_credential");
    assert_allowed(&with(format!("{TOKEN}={token}; {TOKEN}={token}")).send(&server).await);
}
