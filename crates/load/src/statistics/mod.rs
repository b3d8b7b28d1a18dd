//! The statistics of a report: medians, intervals by bootstrap, quantiles. Pure, and the same for the same seed.

pub mod interval;
pub mod quantiles;
pub mod rng;
