//! The rules of the architecture, as data. If a file moves, change its path here.

mod crates;
mod folders;
mod places;

use crate::architecture::layers::{Layered, ModuleLimit};
use crate::architecture::restriction::Restriction;

/// The modules of each layered crate, the lowest first.
pub(crate) const LAYERED: &[Layered] = &[
    Layered {
        folder: "crates/counterfoil/src",
        order: &[
            "runtime",
            "fs",
            "keys",
            "passwords",
            "settings",
            "clock",
            "limits",
            "counters",
            "store",
            "feed",
            "app",
            "operations",
            "http",
            "background",
            "admin",
            "pages",
            "routes",
            "server",
            "metrics",
            "embed",
        ],
    },
    Layered {
        folder: "crates/core/src",
        order: &["histogram", "value_fault", "client_error", "credentials", "model", "store", "services"],
    },
];

/// How many modules a `lib.rs` may declare.
pub(crate) const MODULE_LIMITS: &[ModuleLimit] =
    &[ModuleLimit { file: "crates/counterfoil/src/lib.rs", most: 21 }];

/// The names that some files must not use.
pub(crate) fn restrictions() -> impl Iterator<Item = &'static Restriction> {
    [crates::RESTRICTIONS, folders::RESTRICTIONS, places::RESTRICTIONS].into_iter().flatten()
}
