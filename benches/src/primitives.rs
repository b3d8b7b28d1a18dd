//! Primitives on their own: what no server around them can beat.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use clap::{Args, ValueEnum};
use counterfoil_jose::{SigningKey, base64url};
use rustix::time::{ClockId, clock_gettime};

use crate::pin;
use crate::server::PASSWORD;

/// How many tokens are verified in turn.
const TOKENS: usize = 1_000;

/// What to run, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    what: What,
    seconds: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Argon2id as a login has it, with its memory re-used.
    Hash,
    /// The verification of an ES256 signature with a parsed key.
    Es256,
}

/// Prints how often a second it runs.
pub(crate) fn run(options: &Options) -> Result<()> {
    pin::to(pin::SERVER)?;
    let limit = Duration::from_secs_f64(options.seconds);
    let rate = match options.what {
        What::Hash => hashes(limit)?,
        What::Es256 => verifications(limit)?,
    };
    println!("{rate}");
    Ok(())
}

fn hashes(limit: Duration) -> Result<f64> {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).context("the default cost is a valid one")?;
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; 32];
    let mut once = || {
        let worked =
            argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut hash, &mut memory);
        worked.is_ok() && black_box(hash[0]) < u8::MAX
    };
    // The first one touches the memory.
    once();
    Ok(rate(limit, 1, once))
}

/// Of many tokens in turn: with one alone the processor would know by heart which way each branch goes.
fn verifications(limit: Duration) -> Result<f64> {
    let key = SigningKey::generate(counterfoil_jose::Algorithm::Es256)?;
    let signed = (0..TOKENS).map(|number| signed(&key, number)).collect::<Result<Vec<_>>>()?;
    let key = key.verifying_key();
    let mut turn = signed.iter().cycle();
    Ok(rate(limit, 64, || {
        turn.next().is_some_and(|(message, signature)| key.is_signed(black_box(message), signature))
    }))
}

/// What is signed of a token of about the usual size, and its signature.
fn signed(key: &SigningKey, number: usize) -> Result<(Vec<u8>, Vec<u8>)> {
    let token = key.sign("at+jwt", format!("{number:0>250}").as_bytes())?;
    let (message, signature) = token.rsplit_once('.').context("a token has three parts")?;
    Ok((message.as_bytes().to_vec(), base64url::decode(signature)?))
}

/// Runs `once` in batches until `limit` is over; tells how often it runs in a second of processor time, as the
/// server's work is told: what else runs on the machine is not counted.
fn rate(limit: Duration, batch: u32, mut once: impl FnMut() -> bool) -> f64 {
    let (begin, before) = (Instant::now(), used());
    let mut count = 0;
    while begin.elapsed() < limit {
        for _ in 0..batch {
            black_box(once());
        }
        count += batch;
    }
    f64::from(count) / used().saturating_sub(before).as_secs_f64()
}

/// The processor time that this thread has used.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
