//! Scenarios with several nodes on one PostgreSQL database, behind nginx or HAProxy with the configuration that is shipped.

pub mod fleet;
pub mod killed_node;
pub mod load_balancer;
pub mod requests;
pub mod rolling_restart;
