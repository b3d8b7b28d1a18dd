//! The logo of the operator.

use crate::theme_file::{ThemeFile, ThemeFileError};

/// A picture in place of our mark: SVG or PNG. It is served as a file and is never part of a page, so nothing in it can change
/// the page.
///
/// ```
/// use counterfoil_pages::{Logo, ThemeFileError};
///
/// let logo = Logo::new(br#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>"#.into())?;
/// assert_eq!(logo.file().content_type(), "image/svg+xml");
/// assert!(matches!(Logo::new(b"<html></html>".into()), Err(ThemeFileError::NotPicture)));
/// # Ok::<(), ThemeFileError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    file: ThemeFile,
}

/// The first bytes of every PNG (W3C, Portable Network Graphics, section 5.2).
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

impl Logo {
    /// The logo with this content. What it is follows from its bytes, not from a name.
    ///
    /// # Errors
    ///
    /// If it is too long, or neither SVG nor PNG.
    pub fn new(content: Vec<u8>) -> Result<Self, ThemeFileError> {
        ThemeFileError::check_len(&content)?;
        let (extension, content_type) = match content.starts_with(PNG_SIGNATURE) {
            true => ("png", "image/png"),
            false if is_svg(&content) => ("svg", "image/svg+xml"),
            false => return Err(ThemeFileError::NotPicture),
        };
        Ok(Self { file: ThemeFile::new("logo", extension, content_type, content) })
    }

    /// The file that the server serves.
    pub fn file(&self) -> &ThemeFile {
        &self.file
    }
}

/// Whether it is a text whose first element is `svg`.
fn is_svg(content: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(content) else { return false };
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    // What may be before the first element (XML 1.0, section 2.8).
    for (start, end) in [("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">"), ("<!--", "-->")] {
        while let Some((_, after)) = rest.strip_prefix(start).and_then(|rest| rest.split_once(end)) {
            rest = after.trim_start();
        }
    }
    let name_end = |after: &str| after.starts_with(|next: char| next.is_whitespace() || "/>".contains(next));
    rest.strip_prefix("<svg").is_some_and(name_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(content: &[u8]) -> Result<&'static str, ThemeFileError> {
        Logo::new(content.to_owned()).map(|logo| logo.file().content_type())
    }

    #[test]
    fn the_kind_of_a_picture_follows_from_its_bytes() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n..."), Ok("image/png"));
        for svg in [
            "<svg/>",
            "\u{feff}<svg viewBox='0 0 1 1'></svg>",
            "<?xml version=\"1.0\"?>\n<!-- a logo -->\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"x\">\n<svg\n/>",
        ] {
            assert_eq!(kind(svg.as_bytes()), Ok("image/svg+xml"), "{svg}");
        }
        for other in ["", "<svgs/>", "<html><svg/></html>", "<!-- <svg/>", "GIF89a", "\u{89}PNG"] {
            assert_eq!(kind(other.as_bytes()), Err(ThemeFileError::NotPicture), "{other}");
        }
        assert_eq!(kind(b"<svg>\xff</svg>"), Err(ThemeFileError::NotPicture));
    }

    #[test]
    fn a_picture_has_at_most_64_kib() {
        let svg = |len: usize| format!("<svg>{}", " ".repeat(len - 5)).into_bytes();
        assert_eq!(kind(&svg(65_536)), Ok("image/svg+xml"));
        assert_eq!(kind(&svg(65_537)), Err(ThemeFileError::TooLong));
    }
}
