//! The folder with public test vectors, which is not part of this repository.

use std::path::PathBuf;

/// The folder that `COUNTERFOIL_VECTORS` names. The vectors have their own licences and are not copied here;
/// without them a test is skipped.
pub(crate) fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("COUNTERFOIL_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        counterfoil_test_support::skip("COUNTERFOIL_VECTORS is not set");
    }
    folder
}
