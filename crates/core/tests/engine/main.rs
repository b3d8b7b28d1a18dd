//! The engine as a whole, through its public door, on a real store and with a told time.

mod harness;
mod logins;
mod refresh;
