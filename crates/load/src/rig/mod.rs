//! What is measured: a server in this process, and services that verify its tokens.

pub mod clock;
pub mod follower;
mod listener;
pub mod server;
