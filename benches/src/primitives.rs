//! Cryptographic primitives without a server around them: the upper limit for the server's rates.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use clap::{Args, ValueEnum};
use counterfoil_jose::{SigningKey, base64url};
use counterfoil_load::machine::affinity;
use rustix::time::{ClockId, clock_gettime};

use crate::server::PASSWORD;

/// The number of tokens that are verified in turn.
const TOKENS: usize = 1_000;

/// What to run, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    primitive: Primitive,
    seconds: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Primitive {
    /// Argon2id with the parameters of a login, with its memory reused.
    Hash,
    /// The verification of an ES256 signature with a parsed key.
    Es256,
}

/// Prints the rate of the primitive per second.
pub(crate) fn run(options: &Options) -> Result<()> {
    affinity::pin_to(affinity::SERVER_CORE)?;
    let limit = Duration::from_secs_f64(options.seconds);
    let rate = match options.primitive {
        Primitive::Hash => hash_rate(limit)?,
        Primitive::Es256 => verification_rate(limit)?,
    };
    println!("{rate}");
    Ok(())
}

fn hash_rate(limit: Duration) -> Result<f64> {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).context("invalid default Argon2 parameters")?;
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; 32];
    let mut once = || {
        let hashed =
            argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut hash, &mut memory);
        hashed.is_ok() && black_box(hash[0]) < u8::MAX
    };
    // The first hash touches every page of the memory.
    once();
    Ok(rate(limit, 1, once))
}

/// Verifies many tokens in turn: with a single one the CPU would predict every branch.
fn verification_rate(limit: Duration) -> Result<f64> {
    let key = SigningKey::generate(counterfoil_jose::Algorithm::Es256)?;
    let signed = (0..TOKENS).map(|number| sign(&key, number)).collect::<Result<Vec<_>>>()?;
    let key = key.verifying_key();
    let mut cycle = signed.iter().cycle();
    Ok(rate(limit, 64, || {
        cycle.next().is_some_and(|(message, signature)| key.verify(black_box(message), signature))
    }))
}

/// The signed part of a token of typical size, and its signature.
fn sign(key: &SigningKey, number: usize) -> Result<(Vec<u8>, Vec<u8>)> {
    let token = key.sign("at+jwt", format!("{number:0>250}").as_bytes())?;
    let (message, signature) = token.rsplit_once('.').context("a token has three parts")?;
    Ok((message.as_bytes().to_vec(), base64url::decode(signature)?))
}

/// Runs `once` in batches for `limit`; returns its rate per second of CPU time. The server is measured by CPU
/// time too, so that other work on the machine is not counted.
fn rate(limit: Duration, batch: u32, mut once: impl FnMut() -> bool) -> f64 {
    let (started, cpu_before) = (Instant::now(), cpu_time());
    let mut count = 0;
    while started.elapsed() < limit {
        for _ in 0..batch {
            black_box(once());
        }
        count += batch;
    }
    f64::from(count) / cpu_time().saturating_sub(cpu_before).as_secs_f64()
}

/// The CPU time that this thread has used.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
