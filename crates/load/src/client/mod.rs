//! The clients: closed loops, open loops, and single exchanges whose bytes are counted.

pub mod closed_loop;
mod connection;
pub mod exchange;
pub mod open_loop;
pub mod requests;
pub mod response;
