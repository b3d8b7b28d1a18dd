//! Labs: made, played, moved in time and removed.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use counterfoil_test_support::contains_jwt;
use serde_json::Value;

use crate::fixture::Site;

#[test]
fn a_lab_is_made_and_plays_a_logout_step_by_step() {
    let site = Site::start();
    assert_eq!(site.get("/").location(), "/lab");
    assert!(site.get("/lab").body.contains("Make a lab"));

    let lab = site.make();
    let login = site.get(&lab);
    assert_eq!(login.status, 200);
    assert!(login.head.contains("content-security-policy: default-src 'none'; style-src 'self'"));
    let played = site.post(&format!("{lab}/act"), "act=logout");
    assert_eq!((played.status, played.location()), (303, lab.as_str()), "{played:?}");
    let last = site.get(&lab).body;
    for text in ["refused", "aria-pressed=\"true\">Log out", "61 min", "curl -i", "<mark>eyJ"] {
        assert!(last.contains(text), "{text}: {last}");
    }
    assert!(site.get(&format!("{lab}?step=3")).body.contains("Keys only: <b>still accepted"));
    let first = site.get(&format!("{lab}?step=1")).body;
    assert!(first.contains("rel=\"next\"") && !first.contains("rel=\"prev\""), "{first}");
    assert!(!first.contains("Client logs out") && last.contains("Client logs out"));
    assert!(first.len() <= 60 * 1024 && last.len() <= 60 * 1024, "{} {}", first.len(), last.len());

    let trace: Value = serde_json::from_str(&site.get(&format!("{lab}/trace.json")).body).unwrap();
    assert_eq!(trace["act"], "logout");
    assert_eq!(site.post(&format!("{lab}/end"), "").location(), "/lab");
    assert_eq!(site.get(&lab).status, 404);
}

#[test]
fn the_clock_of_a_lab_is_moved_until_its_credentials_expire() {
    let site = Site::start();
    let lab = site.make();
    let before = site.get(&lab).body;
    assert!(before.contains("Lab clock") && before.contains("value=\"15m\">+ 15 min"), "{before}");
    assert!(!before.contains("ahead of this machine") && !before.contains("accepted after the login"));
    let forward = |by: &str| site.post(&format!("{lab}/clock"), &format!("by={by}"));

    for by in ["15m", "1m"] {
        let moved = forward(by);
        assert_eq!((moved.status, moved.location()), (303, lab.as_str()), "{by}");
    }

    let after = site.get(&lab).body;
    for text in [
        "16 min ahead of this machine",
        "+ 15 min</a>",
        "The hybrid refreshes</a>",
        "accepted after the login",
        "Client refreshes, because its access token was refused",
        "This machine and your own programs keep their time.",
    ] {
        assert!(after.contains(text), "{text}: {after}");
    }
    let expired = site.get(&format!("{lab}?step=2")).body;
    for text in ["Issuer: <b>accepted</b>", "Issuer: <b>refused</b>", "Service A: <b>accepted</b>"] {
        assert!(expired.contains(text), "{text}: {expired}");
    }
    assert!(!expired.contains("still accepted"), "{expired}");

    for _ in 2..4 {
        assert_eq!(forward("1d").status, 303);
    }
    let last = site.get(&lab).body;
    assert!(!last.contains("/clock\"") && last.len() <= 60 * 1024, "{} {last}", last.len());
    let refused = forward("1m");
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body.contains("4 times") && refused.body.contains("Play an act"), "{refused:?}");
    assert_eq!(site.post(&format!("{lab}/act"), "act=call").status, 303);
    let again = site.get(&lab).body;
    assert!(again.contains("/clock\"") && !again.contains("ahead of this machine"), "{again}");
}

/// The address of the server of a lab, as its page names it.
fn server_of(site: &Site, lab: &str) -> SocketAddr {
    let page = site.get(lab).body;
    let url = page.split("curl -i &#x27;http:&#x2f;&#x2f;").nth(1).unwrap();
    url.split("&#x2f;").next().unwrap().parse().unwrap()
}

fn expect_closed(server: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(server).is_ok() {
        assert!(Instant::now() < deadline, "the server of the lab still listens");
    }
}

#[test]
fn the_server_of_a_lab_listens_until_the_lab_is_removed_or_the_site_is_stopped() {
    let site = Site::start();
    let labs = [(); 2].map(|()| site.make());
    let servers = labs.each_ref().map(|lab| server_of(&site, lab));
    assert!(servers.iter().all(|server| TcpStream::connect(server).is_ok()));

    site.post(&format!("{}/end", labs[0]), "");
    expect_closed(servers[0]);
    assert!(TcpStream::connect(servers[1]).is_ok());

    drop(site);
    expect_closed(servers[1]);
}

#[test]
fn four_labs_are_enough_and_the_fifth_is_told_when() {
    let site = Site::start();
    let labs = [(); 4].map(|()| site.make());

    let refused = site.post("/lab", "");

    assert_eq!(refused.status, 429, "{refused:?}");
    let retry = refused.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    let retry: u64 = retry.parse().unwrap();
    assert!((1_000..=1_801).contains(&retry), "{retry}");
    assert!(refused.body.contains("wait until 20"), "{refused:?}");
    assert_eq!(site.get("/lab").body.matches("if unused").count(), 4);
    site.post(&format!("{}/end", labs[0]), "");
    site.make();
}

#[test]
fn a_page_of_another_host_or_site_gets_nothing() {
    let site = Site::start();
    let lab = site.make();
    for host in ["attacker.example", "attacker.localhost", "127.0.0.1.nip.io", "0.0.0.0"] {
        for path in ["/lab", "/", lab.as_str(), "/nothing"] {
            let answer = site.send("GET", path, &[("host", host)], "");
            assert_eq!(answer.status, 421, "{host} {path}: {answer:?}");
            assert!(!contains_jwt(&answer.body));
        }
    }
    let port = site.address.port();
    let named = format!("localhost:{port}");
    assert_eq!(site.send("GET", &lab, &[("host", &named)], "").status, 200);
    for headers in [
        &[("origin", "https://attacker.example")][..],
        &[("origin", "null")],
        &[("origin", "http://localhost:1")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        let own = ["act", "clock", "end"].map(|form| format!("{lab}/{form}"));
        let paths = ["/lab", "/lab/questions/1", "/lab/measure", "/lab/measure/1/stop"];
        for path in paths.into_iter().chain(own.iter().map(String::as_str)) {
            assert_eq!(site.send("POST", path, headers, "act=login&by=1d").status, 403, "{headers:?} {path}");
        }
    }
    assert_eq!(site.send("GET", &lab, &[("sec-fetch-dest", "iframe")], "").status, 403);
    assert!(!site.get("/lab/measure").body.contains("Measurements of this process"), "nothing was started");
    let shown = site.get(&lab);
    assert_eq!(shown.status, 200, "it was not removed");
    assert!(!shown.body.contains("ahead of this machine"), "its clock was not moved");
}

#[test]
fn an_unknown_act_step_lab_or_question_is_answered_as_such() {
    let site = Site::start();
    let lab = site.make();

    let unknown = site.post(&format!("{lab}/act"), "act=juggle");
    assert_eq!(unknown.status, 422);
    assert!(unknown.body.contains("login, call"), "{unknown:?}");
    assert_eq!(site.post(&format!("{lab}/act"), "").status, 422);
    assert_eq!(site.post(&format!("{lab}/act"), &format!("act={}", "x".repeat(2_000))).status, 422);
    let clock = site.post(&format!("{lab}/clock"), "by=1y");
    assert_eq!(clock.status, 422);
    assert!(clock.body.contains("1m, 15m, 1h, 1d"), "{clock:?}");
    assert_eq!(site.post(&format!("{lab}/clock"), "").status, 422);
    assert_eq!(site.post("/lab/AAAA/clock", "by=1m").status, 404);
    for query in ["?step=0", "?step=99", "?step=x", "?", "?step=18446744073709551616"] {
        assert_eq!(site.get(&format!("{lab}{query}")).status, 200, "{query}");
    }
    for path in ["/lab/AAAA", "/lab/AAAA/trace.json", "/lab/questions/6", "/lab/questions/x", "/nothing"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    assert_eq!(site.post("/lab/AAAA/act", "act=login").status, 404);
}

#[test]
fn a_question_is_answered_by_what_was_played() {
    let site = Site::start();
    let before = site.get("/lab/questions/1").body;
    assert!(before.contains("usual answer") && !before.contains("Played:"), "{before}");

    assert_eq!(site.post("/lab/questions/1", "").location(), "/lab/questions/1");

    let after = site.get("/lab/questions/1").body;
    assert!(after.contains("Played: login") && after.contains("Played: call"), "{after}");
    assert!(site.get("/lab/questions").body.contains("See what was played"));
}
