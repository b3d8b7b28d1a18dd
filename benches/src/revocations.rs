//! The rows `revocations`: what the check adds to a warm verification, the memory of the entries, and a snapshot.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use counterfoil_jose::{Algorithm, KeySet, SigningKey, Time};
use counterfoil_load::machine::affinity;
use counterfoil_verify::{
    AccessClaims, FeedEntry, FeedInstanceId, FeedResponse, Freshness, LocalVerifier, RevocationEntry,
    RevocationLogId, RevocationPosition, RevocationSubject, Revocations, SessionId, TokenId, TokenVerifier,
};
use rustix::time::{ClockId, clock_gettime};

use crate::ids::distinct_bytes;
use crate::options::Options;
use crate::primitives::cpu_time;
use crate::report::{Assessment, median_of};
use crate::status_list;

const ISSUER: &str = "https://auth.example";
const AUDIENCE: &str = "https://shop.example";
/// The time of all tokens and verifications, in Unix seconds.
const NOW: u64 = 1_764_000_000;

/// The number of tokens that are verified in turn. All of them are in the cache.
const TOKENS: usize = 1_000;

/// The number of entries of the large set.
const LARGE: usize = 1_000_000;

/// The number of entries of the snapshot.
const SNAPSHOT: usize = 50_000;

/// The snapshot is measured in the pages that the server sends.
const PAGE: usize = 10_000;

/// How often each way verifies all tokens before the next one has its turn.
const TURN: usize = 20;

/// Runs all rows in this thread, on the server's core.
pub(crate) fn run(options: &Options) -> Result<Vec<(&'static str, Assessment)>> {
    affinity::pin_to(affinity::SERVER_CORE)?;
    eprintln!("filling a set of {LARGE} revocations");
    let entries = distinct_entries(LARGE);
    let verification = WarmVerification::new(&entries)?;
    let added = verification.measure(options);
    let bytes = verification.bytes_per_entry();
    let (size, applied) = snapshot(&entries[..SNAPSHOT], options.iterations)?;
    let list = status_list::build_time(options.iterations)?;
    affinity::pin_to(affinity::CLIENT_CORE)?;
    Ok(vec![
        ("warm verification without a check", measured(format!("{:.0} ns", added.bare))),
        ("  of 0 revocations: the check adds, at the issuer", below(added.none, 60.0, "ns")),
        ("  of 0: at a verifier with a lease", below(added.none_leased, 60.0, "ns")),
        ("  of 1,000,000: at the issuer", below(added.many, 150.0, "ns")),
        ("  of 1,000,000: at a verifier with a lease", below(added.many_leased, 150.0, "ns")),
        ("memory of a revocation, of 1,000,000", at_most(bytes, 64.0, "bytes")),
        ("snapshot of 50,000 revocations", below(size as f64 / 1e6, 5.0, "MB")),
        ("  parsed and applied", below(applied.as_secs_f64() * 1e3, 100.0, "ms")),
        (
            "status list of 1,048,576 sessions, built and signed",
            below(list.as_secs_f64() * 1e3, 1_000.0, "ms"),
        ),
    ])
}

/// The same tokens, verified without a check and with four. Each verifier has a cache of its own.
struct WarmVerification {
    tokens: Vec<String>,
    bare: TokenVerifier,
    none: LocalVerifier,
    none_leased: LocalVerifier,
    many: LocalVerifier,
    many_leased: LocalVerifier,
}

/// Nanoseconds: of a verification, and what each check adds.
struct AddedTimes {
    bare: f64,
    none: f64,
    none_leased: f64,
    many: f64,
    many_leased: f64,
}

impl WarmVerification {
    fn new(entries: &[RevocationEntry]) -> Result<Self> {
        let key = SigningKey::generate(Algorithm::Es256)?;
        let tokens = (0..TOKENS as u64).map(|number| sign(&key, number)).collect::<Result<Vec<_>>>()?;
        let verifier = || -> Result<TokenVerifier> {
            let builder = TokenVerifier::builder(ISSUER, AUDIENCE, &[Algorithm::Es256]);
            let verifier = builder.cache_size(2 * TOKENS).build(KeySet::new([key.verifying_key()])?)?;
            for token in &tokens {
                ensure!(verifier.verify(token, now()).is_ok(), "a valid token is refused");
            }
            ensure!(verifier.cached_tokens() == TOKENS, "not all tokens are in the cache");
            Ok(verifier)
        };
        let local = |entries: &[RevocationEntry], freshness: Freshness| -> Result<LocalVerifier> {
            let revocations = Arc::new(Revocations::with_freshness(freshness));
            revocations.publish(entries, RevocationPosition::new(NOW * 1_000 + LARGE as u64));
            Ok(LocalVerifier::new(verifier()?, revocations, uptime))
        };
        let leased = Freshness::Until(uptime() + Duration::from_secs(3_600));
        let none = local(&[], Freshness::Always)?;
        let none_leased = local(&[], leased)?;
        let many = local(entries, Freshness::Always)?;
        let many_leased = local(entries, leased)?;
        Ok(Self { bare: verifier()?, tokens, none, none_leased, many, many_leased })
    }

    /// Each way verifies all tokens in turn, so that other work on the machine affects all of them.
    fn measure(&self, options: &Options) -> AddedTimes {
        let (limit, started_at) = (Duration::from_secs_f64(options.seconds * 3.0), Instant::now());
        let checked = [&self.none, &self.none_leased, &self.many, &self.many_leased];
        let (mut bare, mut added) = (Vec::new(), [const { Vec::new() }; 4]);
        while started_at.elapsed() < limit {
            let without = self.time(|token| self.bare.verify(token, now()).is_ok());
            for (verifier, added) in checked.iter().zip(&mut added) {
                added.push(self.time(|token| verifier.verify(token, now()).is_ok()) - without);
            }
            bare.push(without);
        }
        let [none, none_leased, many, many_leased] = added.map(median_of);
        AddedTimes { bare: median_of(bare), none, none_leased, many, many_leased }
    }

    /// The nanoseconds of one verification.
    fn time(&self, verify: impl Fn(&str) -> bool) -> f64 {
        let before = cpu_time();
        for _ in 0..TURN {
            for token in &self.tokens {
                black_box(verify(black_box(token)));
            }
        }
        let elapsed = cpu_time().saturating_sub(before);
        elapsed.as_secs_f64() * 1e9 / (TURN * TOKENS) as f64
    }

    fn bytes_per_entry(&self) -> f64 {
        let revocations = self.many.revocations();
        revocations.memory_bytes() as f64 / revocations.len() as f64
    }
}

/// The clock of a lease, as a verifier that follows the feed reads it.
fn uptime() -> Time {
    let time = clock_gettime(ClockId::Boottime);
    let uptime = Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default());
    Time::EPOCH + uptime
}

/// The bytes of a snapshot, and the median time in which a verifier parses and publishes it.
fn snapshot(entries: &[RevocationEntry], iterations: usize) -> Result<(usize, Duration)> {
    let pages: Vec<Vec<u8>> = entries.chunks(PAGE).map(encode).collect::<Result<_>>()?;
    let mut times = Vec::new();
    for _ in 0..iterations {
        let (revocations, before) = (Revocations::new(), cpu_time());
        for page in &pages {
            let response: FeedResponse = serde_json::from_slice(page)?;
            revocations.publish(&response.revocations(), response.next);
        }
        times.push(cpu_time().saturating_sub(before).as_secs_f64());
        ensure!(revocations.len() == entries.len(), "entries are missing");
    }
    Ok((pages.iter().map(Vec::len).sum(), Duration::from_secs_f64(median_of(times))))
}

/// The response of the feed with these entries.
fn encode(entries: &[RevocationEntry]) -> Result<Vec<u8>> {
    let next = entries.last().context("a page has entries")?.position;
    let instance: FeedInstanceId = "bench".parse()?;
    let response = FeedResponse {
        log: RevocationLogId::from_bytes([1; 16]),
        instance,
        poll: 1,
        now: NOW,
        lease_ms: 3_000,
        head: next,
        next,
        snapshot: true,
        keys: String::new(),
        entries: entries.iter().map(FeedEntry::from).collect(),
    };
    Ok(serde_json::to_vec(&response)?)
}

/// Sessions that were logged out, with the positions of real logs.
fn distinct_entries(count: usize) -> Vec<RevocationEntry> {
    (0..count as u64)
        .map(|number| RevocationEntry {
            position: RevocationPosition::new(NOW * 1_000 + number),
            subject: RevocationSubject::Session(SessionId::from_bytes(distinct_bytes(number))),
            until: Some(Time::from_unix_seconds(NOW + 1_020)),
        })
        .collect()
}

/// A token of a session that is not revoked.
fn sign(key: &SigningKey, number: u64) -> Result<String> {
    let ids = number + LARGE as u64;
    let claims = AccessClaims {
        iss: ISSUER.into(),
        aud: vec![AUDIENCE.into()],
        sub: counterfoil_jose::base64url::encode(distinct_bytes(ids)),
        client_id: "shop".parse()?,
        iat: NOW,
        exp: NOW + 900,
        nbf: None,
        jti: TokenId::from_bytes(distinct_bytes(ids)),
        sid: SessionId::from_bytes(distinct_bytes(ids)),
        auth_time: NOW,
        amr: vec!["pwd".into()],
        acr: None,
        scope: Some("orders:read".into()),
        roles: Vec::new(),
        preferred_username: Some("ada".into()),
        pos: RevocationPosition::new(NOW * 1_000),
        status: None,
        extra: Default::default(),
    };
    Ok(key.sign("at+jwt", &claims.to_json())?)
}

fn now() -> Time {
    Time::from_unix_seconds(NOW)
}

fn measured(result: String) -> Assessment {
    Assessment { result, goal: String::new(), is_met: true }
}

fn below(value: f64, limit: f64, unit: &str) -> Assessment {
    Assessment {
        result: format!("{value:.1} {unit}"),
        goal: format!("< {limit} {unit}"),
        is_met: value < limit,
    }
}

fn at_most(value: f64, limit: f64, unit: &str) -> Assessment {
    Assessment {
        result: format!("{value:.1} {unit}"),
        goal: format!("<= {limit} {unit}"),
        is_met: value <= limit,
    }
}
