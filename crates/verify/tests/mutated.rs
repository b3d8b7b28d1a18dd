//! Mutated tokens, keys and claims: the fuzz targets, driven by a seeded mutator on stable Rust.
//!
//! `COUNTERFOIL_MUTATIONS` sets the number of tokens; use a million for a long run.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "it is a library for libFuzzer")]
mod targets;

use std::env;

/// Fragments that attackers insert: ends of segments, of JSON, of numbers and of lines.
const FRAGMENTS: [&[u8]; 16] = [
    b".",
    b"..",
    b"=",
    b"A",
    b"AA",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"\"",
    b"\\u0000",
    b"{}",
    b"[]",
    b"\n",
    b"none",
    b"-----BEGIN PUBLIC KEY-----",
];

/// A deterministic random number generator (xorshift64*).
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }

    /// One of the seeds, with one to four changes.
    fn mutate_one_of(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.mutate(&mut bytes, seeds);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        if bytes.is_empty() {
            return;
        }
        let (place, other) = (self.below(bytes.len()), self.below(bytes.len()));
        let (from, to) = (place.min(other), place.max(other));
        match self.below(9) {
            0 => bytes[place] ^= 1 << self.below(8),
            1 => bytes[place] = self.below(256) as u8,
            2 => bytes[place] = b"AQgwZaz09-_.=+/ \"{}[]:,"[self.below(23)],
            3 => drop(bytes.remove(place)),
            4 => drop(bytes.drain(from..to)),
            5 => bytes.swap(place, other),
            6 => {
                let piece = bytes[from..to.min(from + 64)].to_vec();
                bytes.splice(other..other, piece);
            }
            7 => {
                let fragment = FRAGMENTS[self.below(FRAGMENTS.len())];
                bytes.splice(place..place, fragment.iter().copied());
            }
            _ => {
                let seed = &seeds[self.below(seeds.len())];
                bytes.truncate(place);
                bytes.extend_from_slice(&seed[place.min(seed.len())..]);
            }
        }
    }
}

/// Runs `target` with its seeds, and then with `times` mutated ones.
fn run_target(times: usize, seeds: &[Vec<u8>], target: fn(&[u8])) {
    seeds.iter().for_each(|seed| target(seed));
    let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
    for _ in 0..times {
        target(&rng.mutate_one_of(seeds));
    }
}

#[test]
fn no_mutated_token_is_accepted() {
    let times = env::var("COUNTERFOIL_MUTATIONS").map_or(100_000, |times| times.parse().unwrap());
    run_target(times, &targets::token_seeds(), targets::token);
    println!("{times} mutated tokens");
}

#[test]
fn no_mutated_key_breaks_an_invariant() {
    run_target(4_000, &targets::jwk_seeds(), targets::jwk);
    run_target(4_000, &targets::jwks_seeds(), targets::jwks);
    run_target(4_000, &targets::pem_seeds(), targets::pem);
}

#[test]
fn no_mutated_claims_break_an_invariant() {
    run_target(50_000, &targets::claims_seeds(), targets::claims);
}
