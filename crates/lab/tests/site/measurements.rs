//! Measurements: those that fail, and how many are kept.

use crate::fixture::Site;

#[test]
fn a_measurement_that_cannot_be_made_is_a_page_with_the_cause() {
    for (program, cause) in [
        ("/nowhere/counterfoil", "cannot start &#x2f;nowhere&#x2f;counterfoil: No such file"),
        ("false", "the process has ended with exit status: 1"),
        ("echo", "something else than a report"),
    ] {
        let site = Site::measuring_with(program);
        let before = site.get("/lab/measure");
        assert!(before.body.contains("Measure now") && before.body.contains("It disturbs this server"));
        assert!(before.head.contains("default-src 'none'") && !before.head.contains("script-src"));

        let failed = site.measure();

        assert_eq!(failed.status, 200);
        for text in ["Measurement 1 has failed", cause, "Measure again", "<title>Error: "] {
            assert!(failed.body.contains(text), "{text}: {failed:?}");
        }
        assert!(!failed.body.contains("<script"), "{failed:?}");
        assert!(site.get("/lab/measure").body.contains(">failed</span>"));
        for file in ["report.json", "report.html"] {
            assert_eq!(site.get(&format!("/lab/measure/1/{file}")).status, 404, "{file}");
        }
        let events = site.get("/lab/measure/1/events");
        assert!(events.head.contains("content-type: text/event-stream"), "{events:?}");
        assert!(
            events.body.contains("event: ended") && !events.body.contains("event: progress"),
            "{events:?}"
        );
    }
}

#[test]
fn the_last_measurements_are_kept() {
    let site = Site::start();
    for _ in 0..7 {
        site.measure();
    }
    assert_eq!(site.get("/lab/measure").body.matches(">failed</span>").count(), 5);
    assert_eq!(site.get("/lab/measure/7").status, 200);
    for path in ["1", "8", "0", "-1", "x", "99999999999999999999", "1/events", "1/report.json"] {
        assert_eq!(site.get(&format!("/lab/measure/{path}")).status, 404, "{path}");
    }
    assert_eq!(site.post("/lab/measure/1/stop", "").status, 404);
    assert_eq!(site.post("/lab/measure/7/stop", "").status, 303, "it has ended already");
}
