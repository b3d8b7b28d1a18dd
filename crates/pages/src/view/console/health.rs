//! The readiness checks.

use serde::Serialize;

use crate::view::View;
use crate::view::console::HealthPart;

/// A readiness check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckRow {
    /// The name, as in `/readyz`.
    pub name: &'static str,
    /// Whether it is met.
    pub is_met: bool,
    /// What it means, and what to do if it is not met.
    pub advice: &'static str,
}

/// Every readiness check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthView {
    /// The state at a glance.
    pub health: HealthPart,
    /// The checks.
    pub checks: Vec<CheckRow>,
    /// The identity of the process.
    pub node: String,
    /// The issuer.
    pub issuer: String,
    /// The store.
    pub store: String,
}

impl View for HealthView {
    const TEMPLATE: &'static str = "console/health.html";
}
