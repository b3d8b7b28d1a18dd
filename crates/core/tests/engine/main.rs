//! The engine as a whole, through its public door, on a real store and with a told time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod administration;
mod harness;
mod imports;
mod kept;
mod keys;
mod logins;
mod memory;
mod minted;
mod passwords;
mod refresh;
mod restored;
mod ring;
mod throttle;
mod uses;
