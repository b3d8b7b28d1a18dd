//! Where the public test vectors are: in a folder that is no part of this repository.

use std::path::PathBuf;

/// The folder that the environment names. Without it a test says so and passes: the vectors have
/// licences of their own and stay where they are.
pub(crate) fn vectors(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("COUNTERFOIL_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        counterfoil_test_support::skip(&format!("{test}: COUNTERFOIL_VECTORS is not set"));
    }
    folder
}
