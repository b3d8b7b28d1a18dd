//! A burst of logins that exceeds the password hash queue.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::credentials::password::Argon2Cost;
use tokio::task::JoinSet;

use crate::test_server::{TestServer, p99, post, resident_memory, response, status};

const FORM: &str = r#"{"username":"ada","password":"correct horse battery"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn excess_logins_of_a_burst_get_503_and_other_requests_are_served() {
    let server = TestServer::with_settings(|settings| {
        settings.argon2 = Argon2Cost::default();
        settings.password_hashing_queue_size = 16;
        // All logins come from one address and are of one user.
        settings.password_hashing_max_share = 100;
    })
    .await;
    let server = Arc::new(server);
    assert_eq!(status(&server.response(&post("/v1/register", FORM)).await), 201);
    let before = resident_memory();

    let mut logins = JoinSet::new();
    for _ in 0..300 {
        let address = server.address;
        logins.spawn(async move { response(address, &post("/v1/login", FORM)).await });
    }
    let (mut times, mut responses) = (Vec::new(), Vec::new());
    while let Some(response) = logins.join_next().await {
        responses.push(response.unwrap());
        if times.len() < 50 {
            times.push(server.probe().await);
        }
    }

    let served = responses.iter().filter(|response| status(response) == 200).count();
    let (slowest, grown) = (p99(&mut times), resident_memory().saturating_sub(before));
    println!(
        "{served} of 300 logins served; {} probes, p99 {slowest:?}; memory grew by {grown} bytes",
        times.len()
    );
    for response in responses.iter().filter(|response| status(response) != 200) {
        assert_eq!(status(response), 503, "{response}");
        assert!(response.contains("retry-after: "), "{response}");
    }
    assert!(served >= 16, "logins with a place in the queue are served");
    assert!(served < 300, "the burst must exceed the queue");
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    // Each hashing thread uses 19 MiB.
    assert!(grown < 64 << 20, "{grown}");
}
