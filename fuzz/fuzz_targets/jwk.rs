//! Keys as JSON, public and private.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| counterfoil_fuzz::jwk(data));
