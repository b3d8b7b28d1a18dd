//! Bodies that do not come to their end.

use std::time::{Duration, Instant};

use counterfoil::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::site::{Site, post, resident, status};

const MIB: usize = 1 << 20;
/// How many bodies are begun, and how much of each.
const MANY: usize = 800;
const PART: usize = 60 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn half_of_many_bodies_takes_no_more_memory_than_there_is_for_them() {
    let request = Duration::from_secs(8);
    let site = Site::with(|settings| {
        settings.limits =
            Limits { max_total_body_memory: 4 * MIB, request_timeout: request, ..Limits::default() };
    })
    .await;
    site.probe().await;
    let head = "POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 65000\r\n\r\n";
    let half = [head.as_bytes(), &b" ".repeat(PART)].concat();
    let (before, since) = (resident(), Instant::now());

    let mut held = Vec::new();
    for _ in 0..MANY {
        let mut stream = site.connect().await;
        let _ = stream.write_all(&half).await;
        held.push(stream);
    }
    sleep(Duration::from_millis(500)).await;
    let grown = resident().saturating_sub(before);
    let mut told = 0;
    for stream in &mut held {
        let mut answer = [0; 12];
        let answered = timeout(Duration::from_millis(1), stream.read_exact(&mut answer)).await;
        told += usize::from(matches!(answered, Ok(Ok(_))) && answer.ends_with(b"503"));
    }
    println!("{MANY} half bodies of {PART} bytes: {grown} bytes more, {told} told to come back");
    assert!(since.elapsed() < request, "the machine was too slow for this test to mean anything");
    // Without a bound it would be 47 MiB for the bodies alone.
    assert!(grown < 24 << 20, "{grown}");
    assert!(told > 0, "somebody was told to come back");

    drop(held);
    let form = r#"{"username":"ada","password":"correct horse battery"}"#;
    let served = async {
        while status(&site.answer(&post("/v1/login", form)).await) != 401 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(15), served).await.unwrap();
}

/// The streams of HTTP/2 let a few connections begin more bodies than there is memory for.
#[tokio::test(flavor = "multi_thread")]
async fn one_source_does_not_take_all_memory_for_bodies() {
    its_own_part_is_all_it_takes("x-forwarded-for: 192.0.2.1").await;
}

/// What a client adds to what its proxy says makes the two disagree, and takes it out of no bound.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_contradicts_the_proxy_takes_nobody_out_of_a_part() {
    its_own_part_is_all_it_takes("x-forwarded-for: 192.0.2.1\r\nforwarded: for=198.51.100.1").await;
    its_own_part_is_all_it_takes("x-forwarded-for: unknown").await;
}

/// Begins as many bodies as there is memory for, from where `claim` says, through a trusted proxy: whoever
/// claims the same is told to come back, and another source is read.
async fn its_own_part_is_all_it_takes(claim: &str) {
    let site = Site::with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.limits =
            Limits { max_total_body_memory: 2 * MIB, max_connections_per_ip: 2_000, ..Limits::default() };
    })
    .await;
    let begun = format!(
        "POST /v1/login HTTP/1.1\r\nhost: x\r\n{claim}\r\n\
         content-type: application/json\r\ncontent-length: 9\r\n\r\n{{"
    );
    let mut held = Vec::new();
    for _ in 0..2 * MIB / (8 * 1024) {
        let mut stream = site.connect().await;
        let _ = stream.write_all(begun.as_bytes()).await;
        held.push(stream);
    }
    let form = r#"{"username":"ada","password":"correct horse battery"}"#;
    let from = |claim: &str| {
        let plain = String::from_utf8(post("/v1/login", form)).unwrap();
        plain.replacen("\r\n", &format!("\r\n{claim}\r\n"), 1).into_bytes()
    };

    let its_own = async {
        while status(&site.answer(&from(claim)).await) != 429 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(15), its_own).await.unwrap();
    let other = status(&site.answer(&from("x-forwarded-for: 192.0.2.2")).await);
    assert_eq!(other, 401, "another source is read: {claim}");
}
