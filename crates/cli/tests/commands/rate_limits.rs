//! `rate-limit show` and `rate-limit release`.

use crate::common::{Server, counterfoil, in_dir, run};
use crate::{Fixture, PASSWORD, login};

#[test]
fn a_locked_user_is_shown_and_released() {
    let fixture = Fixture::new(&["ada"]);
    let mut serve = counterfoil(&in_dir(&fixture.dir, &["serve", "--listen", "127.0.0.1:0"]));
    serve.env("COUNTERFOIL_LOGIN_RATE_LIMIT_PER_ACCOUNT_AND_IP", "2/15m");
    let server = Server::start(&mut serve, &fixture.dir.with_extension("log"));
    for _ in 0..3 {
        login(&server, "Ada", "not this one");
    }
    assert_eq!(login(&server, "ada", PASSWORD).0, 429);

    let shown = fixture.succeed(&["rate-limit", "show", "ada"]);
    assert!(shown.contains("failed_logins_from_ip") && shown.contains("ada from 127.0.0.1"), "{shown}");
    let by_id = fixture.json(&["user", "show", "ada"])["user"]["id"].as_str().unwrap().to_owned();
    assert_eq!(fixture.succeed(&["rate-limit", "show", &by_id]), shown);
    let of_ip = fixture.json(&["rate-limit", "show", "--ip", "127.0.0.1"]);
    assert!(of_ip.to_string().contains("all_failed_logins_from_ip"), "{of_ip}");
    let released = fixture.succeed(&["rate-limit", "release", "ada"]);
    assert!(released.starts_with("released ") && released.contains("1 had reached"), "{released}");

    assert_eq!(login(&server, "ada", PASSWORD).0, 200);
    let log = fixture.json(&["audit", "list", "--user", "ada"]);
    assert!(log.to_string().contains("rate_limit_released"), "{log}");
}

#[test]
fn a_name_or_a_client_ip_is_required() {
    let fixture = Fixture::new(&["ada"]);
    for wrong in
        [&["rate-limit", "show"][..], &["rate-limit", "release"], &["rate-limit", "show", "--ip", "here"]]
    {
        assert_eq!(run(&in_dir(&fixture.dir, wrong)).status, 2, "{wrong:?}");
    }
}
