//! `counterfoil openapi`: the HTTP contract as a document.

use crate::error::CliError;
use crate::table;

/// Prints the document; it is the same for every installation, so no store is needed.
pub(crate) fn run() -> Result<(), CliError> {
    table::print_json(&counterfoil::openapi())
}
