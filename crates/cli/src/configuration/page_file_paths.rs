//! The paths of the files that change the look of the pages.

use std::path::PathBuf;

/// The paths of the files. What is in them is read when a server starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageFilePaths {
    /// The style sheet after ours.
    pub(crate) css: Option<PathBuf>,
    /// The picture before the name of the product.
    pub(crate) logo: Option<PathBuf>,
    /// The directory of texts that replace ours.
    pub(crate) texts: Option<PathBuf>,
    /// The directory of templates that replace ours.
    pub(crate) templates: Option<PathBuf>,
}
