//! The static files of the pages. Their names contain their hashes, so that browsers may keep them for a year.

/// A static file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The name without the hash, as `counterfoil`.
    stem: &'static str,
    /// The ending.
    extension: &'static str,
    /// A fingerprint of the content.
    hash: u64,
    /// The media type.
    pub content_type: &'static str,
    /// The content.
    pub content: &'static str,
}

impl Asset {
    /// The style sheet of sign-in, registration and account.
    pub const STYLESHEET: Self = Self::new(
        "counterfoil",
        "css",
        "text/css; charset=utf-8",
        concat!(include_str!("../assets/base.css"), include_str!("../assets/people.css")),
    );
    /// The style sheet of the console.
    pub const CONSOLE_STYLESHEET: Self = Self::new(
        "console",
        "css",
        "text/css; charset=utf-8",
        concat!(include_str!("../assets/base.css"), include_str!("../assets/console.css")),
    );
    /// The script of the console, which keeps live parts up to date.
    pub const CONSOLE_SCRIPT: Self =
        Self::new("console", "js", "text/javascript; charset=utf-8", include_str!("../assets/console.js"));
    /// The style sheet of the lab.
    pub const LAB_STYLESHEET: Self = Self::new(
        "lab",
        "css",
        "text/css; charset=utf-8",
        concat!(include_str!("../assets/base.css"), include_str!("../assets/lab.css")),
    );
    /// The script of a measurement that runs, which shows its progress.
    pub const LAB_SCRIPT: Self =
        Self::new("lab", "js", "text/javascript; charset=utf-8", include_str!("../assets/lab.js"));
    /// The script that decodes a token in the browser.
    pub const LAB_TOKEN_SCRIPT: Self =
        Self::new("token", "js", "text/javascript; charset=utf-8", include_str!("../assets/token.js"));
    /// The icon of the pages.
    pub const ICON: Self = Self::new("icon", "svg", "image/svg+xml", include_str!("../assets/icon.svg"));
    /// The ornament of the sign-in page.
    pub const ROSETTE: Self =
        Self::new("rosette", "svg", "image/svg+xml", include_str!("../assets/rosette.svg"));

    /// Every file.
    pub const ALL: [Self; 8] = [
        Self::STYLESHEET,
        Self::CONSOLE_STYLESHEET,
        Self::CONSOLE_SCRIPT,
        Self::LAB_STYLESHEET,
        Self::LAB_SCRIPT,
        Self::LAB_TOKEN_SCRIPT,
        Self::ICON,
        Self::ROSETTE,
    ];

    const fn new(
        stem: &'static str,
        extension: &'static str,
        content_type: &'static str,
        content: &'static str,
    ) -> Self {
        Self { stem, extension, hash: fingerprint(content.as_bytes()), content_type, content }
    }

    /// The name in its URL: `counterfoil.0123456789abcdef.css`.
    pub fn name(&self) -> String {
        format!("{}.{:016x}.{}", self.stem, self.hash, self.extension)
    }

    /// The file with this name. A file of another version has another name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|asset| asset.name() == name)
    }
}

/// FNV-1a with 64 bits. It distinguishes versions of one file, and protects nothing.
#[allow(long_running_const_eval, reason = "each file is read once by the compiler")]
pub(crate) const fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_name_with_the_hash_only() {
        assert_eq!(Asset::find(&Asset::STYLESHEET.name()), Some(Asset::STYLESHEET));
        assert_eq!(Asset::find("counterfoil.css"), None);
        assert_eq!(Asset::find("counterfoil.0000000000000000.css"), None);
    }

    #[test]
    fn each_style_sheet_is_small_and_loads_nothing() {
        for sheet in [Asset::STYLESHEET, Asset::CONSOLE_STYLESHEET, Asset::LAB_STYLESHEET] {
            let css = sheet.content;
            assert!(css.len() <= 18 * 1024, "{}", css.len());
            assert!(!css.contains("url(") && !css.contains("@import"));
        }
    }

    /// The content security policy allows neither.
    #[test]
    fn each_script_is_small_and_makes_no_code_or_style_of_text() {
        for script in [Asset::CONSOLE_SCRIPT, Asset::LAB_SCRIPT, Asset::LAB_TOKEN_SCRIPT] {
            let script = script.content;
            assert!(script.len() <= 12 * 1024, "{}", script.len());
            for part in [
                "eval(",
                "Function(",
                "innerHTML",
                "insertAdjacentHTML",
                "document.write",
                ".style",
                "import(",
            ] {
                assert!(!script.contains(part), "{part}");
            }
        }
    }

    #[test]
    fn the_pictures_have_neither_script_nor_style() {
        for asset in [Asset::ICON, Asset::ROSETTE] {
            for part in ["<script", "style=", "<style", "href", "onload"] {
                assert!(!asset.content.contains(part), "{part}");
            }
        }
    }
}
