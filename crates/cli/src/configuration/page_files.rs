//! Reads the files that change the look of the pages. Only a server shows them, so no other command reads them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use counterfoil::operator::open_configured;
use counterfoil::{Logo, StyleSheet, ThemeFile, ThemeFileError};

use crate::configuration::Configuration;
use crate::configuration::diagnostic::{Diagnostic, ValueSource};

/// The paths of the files.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageFiles {
    /// The style sheet after ours.
    pub(crate) css: Option<PathBuf>,
    /// The picture before the name of the product.
    pub(crate) logo: Option<PathBuf>,
}

impl Configuration {
    /// The configuration with the content of the files, for a command that serves pages or checks whether they can be served. A
    /// file that cannot be used is an error of the configuration.
    pub(crate) fn with_page_files(&self) -> Self {
        let mut read = self.clone();
        let PageFiles { css, logo } = &self.builder.page_files;
        let theme = &mut read.builder.settings.pages.theme;
        match read_file(css.as_deref(), StyleSheet::new) {
            Ok(style_sheet) => theme.style_sheet = style_sheet,
            Err(message) => read.errors.push(self.unusable_file("pages.css", message)),
        }
        match read_file(logo.as_deref(), Logo::new) {
            Ok(logo) => theme.logo = logo,
            Err(message) => read.errors.push(self.unusable_file("pages.logo", message)),
        }
        read
    }

    /// The error about the file that the setting names.
    fn unusable_file(&self, setting: &str, message: String) -> Diagnostic {
        let assigned = self.assigned.get(setting);
        let source = assigned.map_or(ValueSource::Combination, |assigned| assigned.source.clone());
        Diagnostic { key: Some(setting.to_owned()), source, message, hint: None }
    }
}

/// The content of a file, if there is one, or what is wrong with it. At most one byte too many is read. The server publishes it, so
/// a link that another user made must not lead to a secret of this one.
fn read_file<T>(
    file: Option<&Path>,
    parse: fn(Vec<u8>) -> Result<T, ThemeFileError>,
) -> Result<Option<T>, String> {
    let Some(file) = file else { return Ok(None) };
    let mut content = Vec::new();
    let opened = open_configured(file);
    opened
        .and_then(|opened| opened.take(ThemeFile::MAX_LEN as u64 + 1).read_to_end(&mut content))
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    parse(content).map(Some).map_err(|error| format!("{} {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a file that the setting names.
    fn fault(setting: &str, file: &Path) -> Option<String> {
        let text = format!("{setting} = {:?}\n", file.display().to_string());
        let configuration = Configuration::from_text(Path::new("c.toml"), &text);
        assert!(configuration.settings(configuration.listen).is_ok(), "no other command reads {text}");
        let errors = configuration.with_page_files().validate(configuration.listen).err()?;
        let [error] = errors.try_into().unwrap();
        let place = format!("{setting} (c.toml, line 1): ");
        Some(error.to_string().strip_prefix(&place).unwrap().to_owned())
    }

    #[test]
    fn a_style_sheet_that_cannot_be_served_is_refused_with_its_path() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("shop.css");
        let path = file.display().to_string();
        let missing = fault("pages.css", &file).unwrap();
        assert!(missing.starts_with(&format!("{path} cannot be read: No such file")), "{missing}");
        std::fs::write(&file, " ".repeat(64 * 1024)).unwrap();
        assert_eq!(fault("pages.css", &file), None);
        std::fs::write(&file, " ".repeat(64 * 1024 + 1)).unwrap();
        assert_eq!(fault("pages.css", &file), Some(format!("{path} is longer than 64 KiB")));
        std::fs::write(&file, b"a{content:'\xff'}").unwrap();
        assert_eq!(fault("pages.css", &file), Some(format!("{path} is not UTF-8 text")));
    }

    #[test]
    fn a_logo_that_is_no_picture_is_refused_with_its_path() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("logo.svg");
        let path = file.display().to_string();
        std::fs::write(&file, "<svg/>").unwrap();
        assert_eq!(fault("pages.logo", &file), None);
        std::fs::write(&file, "<html/>").unwrap();
        assert_eq!(fault("pages.logo", &file), Some(format!("{path} is neither an SVG nor a PNG picture")));
        let missing = fault("pages.logo", &place.path().join("none.svg")).unwrap();
        assert!(missing.contains("none.svg cannot be read: "), "{missing}");
    }

    #[test]
    fn the_content_of_the_files_is_in_the_settings_of_a_server() {
        let place = tempfile::tempdir().unwrap();
        let (css, logo) = (place.path().join("shop.css"), place.path().join("logo.svg"));
        std::fs::write(&css, "b{}").unwrap();
        std::fs::write(&logo, "<svg/>").unwrap();
        let text = format!("[pages]\ncss = {css:?}\nlogo = {logo:?}\n");
        let configuration = Configuration::from_text(Path::new("c.toml"), &text);

        let settings = configuration.with_page_files().settings(configuration.listen).unwrap();

        let theme = &settings.pages.theme;
        assert_eq!(theme.style_sheet.as_ref().unwrap().file().content(), b"b{}");
        assert_eq!(theme.logo.as_ref().unwrap().file().content(), b"<svg/>");
    }
}
