//! Reverse proxies with the configurations in dist/proxy, for tests and measurements.

mod configuration;
mod kind;
mod process;
mod setup;

pub use kind::{GUARDED_HOST, ProxyKind};
pub use process::ProxyProcess;
pub use setup::ProxySetup;
