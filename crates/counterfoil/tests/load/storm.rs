//! More logins at once than there are hashes to be had.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::credentials::password::Argon2Cost;
use tokio::task::JoinSet;

use crate::site::{Site, answer, p99, post, resident, status};

const FORM: &str = r#"{"username":"ada","password":"correct horse battery"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_storm_of_logins_the_excess_comes_back_later_and_others_are_served() {
    let site = Site::with(|settings| {
        settings.argon2 = Argon2Cost::default();
        settings.password_hashing_queue_size = 16;
    })
    .await;
    let site = Arc::new(site);
    assert_eq!(status(&site.answer(&post("/v1/register", FORM)).await), 201);
    let before = resident();

    let mut storm = JoinSet::new();
    for _ in 0..300 {
        let at = site.at;
        storm.spawn(async move { answer(at, &post("/v1/login", FORM)).await });
    }
    let (mut times, mut answers) = (Vec::new(), Vec::new());
    while let Some(answer) = storm.join_next().await {
        answers.push(answer.unwrap());
        if times.len() < 50 {
            times.push(site.probe().await);
        }
    }

    let served = answers.iter().filter(|answer| status(answer) == 200).count();
    let (slowest, grown) = (p99(&mut times), resident().saturating_sub(before));
    println!("{served} of 300 logins served; {} probes, p99 {slowest:?}; {grown} bytes more", times.len());
    for answer in answers.iter().filter(|answer| status(answer) != 200) {
        assert_eq!(status(answer), 503, "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");
    }
    assert!(served >= 16, "who had a place in the queue was served");
    assert!(served < 300, "it was no storm");
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    // One thread's memory to hash in is 19 MiB.
    assert!(grown < 64 << 20, "{grown}");
}
