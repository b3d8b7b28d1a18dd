//! Tests of the structures that threads share: the session cache and the revocations. Under `--cfg shuttle` their locks,
//! atomics and pointers are those of the scheduler of `shuttle`, which runs the threads one at a time and chooses at each
//! access which one continues. `cargo xtask interleavings` runs them.
