//! Fuzz target: the claims of access tokens.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| counterfoil_fuzz::claims(data));
