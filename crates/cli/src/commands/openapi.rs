//! `counterfoil openapi`: the HTTP contract as a document.

use crate::fault::Fault;
use crate::show;

/// Prints the document; it is the same for every installation, so no store is needed.
pub(crate) fn run() -> Result<(), Fault> {
    show::json(&counterfoil::openapi())
}
