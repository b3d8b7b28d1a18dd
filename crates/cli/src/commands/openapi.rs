//! `counterfoil openapi`: prints the OpenAPI document.

use crate::error::CliError;
use crate::output::print_json;

/// Prints the document for an installation with the default settings, so no store is needed.
pub(crate) fn run() -> Result<(), CliError> {
    print_json(&counterfoil::openapi())
}
