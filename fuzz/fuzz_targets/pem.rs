//! Fuzz target: keys in PEM and DER.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| counterfoil_fuzz::pem(data));
