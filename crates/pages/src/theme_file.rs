//! A static file of the operator. Its name contains its hash, so that browsers may keep it for a year.

use std::fmt;
use std::sync::Arc;

use crate::assets::fingerprint;

/// A static file of the operator: a style sheet or a logo.
#[derive(Clone, PartialEq, Eq)]
pub struct ThemeFile {
    name: String,
    content_type: &'static str,
    content: Arc<[u8]>,
}

/// A file cannot be part of a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ThemeFileError {
    /// It is too long.
    #[error("is longer than 64 KiB")]
    TooLong,
    /// It is not UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// It is neither SVG nor PNG.
    #[error("is neither an SVG nor a PNG picture")]
    NotPicture,
}

impl ThemeFileError {
    /// That the content is not too long.
    pub(crate) fn check_len(content: &[u8]) -> Result<(), Self> {
        if content.len() > ThemeFile::MAX_LEN { Err(Self::TooLong) } else { Ok(()) }
    }
}

impl ThemeFile {
    /// The longest content, in bytes.
    pub const MAX_LEN: usize = 64 * 1024;

    pub(crate) fn new(stem: &str, extension: &str, content_type: &'static str, content: Vec<u8>) -> Self {
        let name = format!("{stem}.{:016x}.{extension}", fingerprint(&content));
        Self { name, content_type, content: content.into() }
    }

    /// The name in its URL: `accent.0123456789abcdef.css`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The media type.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The content.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The content, shared: a response needs no copy.
    pub fn shared_content(&self) -> Arc<[u8]> {
        Arc::clone(&self.content)
    }
}

/// Without the content.
impl fmt::Debug for ThemeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThemeFile").field(&self.name).finish()
    }
}
