//! The engine as a whole, through its public door, on a real store and with a told time.

mod harness;
mod imports;
mod logins;
mod passwords;
mod refresh;
