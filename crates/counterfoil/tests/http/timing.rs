//! Whether there is such a user cannot be read off a clock.

use std::time::{Duration, Instant};

use counterfoil::operator::{Command, UserChangeRequest};
use counterfoil_core::credentials::password::Argon2Cost;
use serde_json::json;

use crate::client::Request;
use crate::site::{PASSWORD, Site};

/// How many of each kind.
const SAMPLES: usize = 300;
/// How far medians may lie apart, in percent of the smaller one.
const APART: u128 = 5;

/// Three kinds of login that are refused: a wrong password, the right one of a disabled user, and anything of
/// nobody's.
const KINDS: [(&str, &str); 3] = [("ada", "wrong horse battery"), ("bob", PASSWORD), ("nobody", PASSWORD)];

async fn measure(site: &Site, (name, password): (&str, &str)) -> Duration {
    let request = Request::post("/v1/login").json(&json!({ "username": name, "password": password }));
    let since = Instant::now();
    let answer = request.send(site).await;
    let taken = since.elapsed();
    assert_eq!(answer.status, 401);
    taken
}

fn median(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// The samples are interleaved, so that a noisy minute falls on all kinds alike, and the hash is the real one. A
/// machine that is busy may need another try; a difference that one could use is there in every try.
#[tokio::test]
async fn wrong_disabled_and_unknown_take_the_same_time() {
    let site = Site::with(|settings| settings.password_cost = Argon2Cost::default()).await;
    site.register("ada").await;
    site.register("bob").await;
    let change = UserChangeRequest { disabled: Some(true), ..UserChangeRequest::default() };
    site.app.administer(Command::UserChange { user: "bob".into(), change }).await.unwrap();

    let mut told = Vec::new();
    for _ in 0..3 {
        let mut samples = [const { Vec::new() }; 3];
        for round in 0..SAMPLES {
            for turn in 0..3 {
                let kind = (round + turn) % 3;
                samples[kind].push(measure(&site, KINDS[kind]).await);
            }
        }
        let medians = samples.map(|mut samples| median(&mut samples).as_micros());
        let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
        println!("{SAMPLES} samples each; medians in microseconds: wrong, disabled, unknown {medians:?}");
        if (most - least) * 100 < least * APART {
            return;
        }
        told.push(medians);
    }
    panic!("one can tell who is there: {told:?}");
}
