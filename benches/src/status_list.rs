//! The row `status list`: builds, compresses and signs a list of a million sessions.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use counterfoil_core::model::status_index::{STATUS_LIST_SIZE, StatusIndex};
use counterfoil_core::services::status_lists::{RevokedStatuses, StatusListPermutation};
use counterfoil_jose::{Algorithm, SigningKey, Time};

/// The number of the list.
const LIST: u64 = 0;

/// How long it takes from the indexes of the revoked sessions, which are every second one, to the signed list: the shortest
/// time of some. Half of the bits is what compresses worst.
pub(crate) fn build_time(iterations: usize) -> Result<Duration> {
    let key = SigningKey::generate(Algorithm::Es256)?;
    let mut shortest = Duration::MAX;
    for _ in 0..iterations.max(1) {
        let started_at = Instant::now();
        let token = build(&key)?;
        shortest = shortest.min(started_at.elapsed());
        ensure!(token.len() > 100_000, "a list with every second bit set has only {} bytes", token.len());
    }
    Ok(shortest)
}

fn build(key: &SigningKey) -> Result<String> {
    let (permutation, until) = (StatusListPermutation::new(&[7; 32]), Time::from_unix_seconds(1_764_000_000));
    let mut revoked = RevokedStatuses::default();
    for number in (0..STATUS_LIST_SIZE).step_by(2) {
        revoked.revoke(LIST, permutation.published_index(StatusIndex::new(number)), until);
    }
    let claims = format!(r#"{{"status_list":{{"bits":1,"lst":"{}"}}}}"#, revoked.list(LIST).encode());
    Ok(key.sign_document("statuslist+jwt", claims.as_bytes())?)
}
