//! Fuzz target: public and private JWKs.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| counterfoil_fuzz::jwk(data));
