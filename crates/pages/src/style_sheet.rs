//! The style sheet of the operator.

use crate::theme_file::{ThemeFile, ThemeFileError};

/// A style sheet that the pages load after ours. It may load pictures and other style sheets of the own origin only.
///
/// ```
/// use counterfoil_pages::StyleSheet;
///
/// let style_sheet = StyleSheet::new(".gate{background:#3a1c71}".into())?;
/// assert!(style_sheet.file().name().starts_with("theme."));
/// # Ok::<(), counterfoil_pages::ThemeFileError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StyleSheet {
    file: ThemeFile,
}

impl StyleSheet {
    /// The style sheet with this text.
    ///
    /// # Errors
    ///
    /// If it is too long, or not UTF-8.
    pub fn new(css: Vec<u8>) -> Result<Self, ThemeFileError> {
        ThemeFileError::check_len(&css)?;
        str::from_utf8(&css).map_err(|_| ThemeFileError::NotText)?;
        Ok(Self { file: ThemeFile::new("theme", "css", "text/css; charset=utf-8", css) })
    }

    /// The file that the server serves.
    pub fn file(&self) -> &ThemeFile {
        &self.file
    }
}
