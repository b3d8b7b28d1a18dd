//! Reads the files that change the look of the pages. Only a server shows them, so no other command reads them.

use std::io::Read as _;
use std::path::Path;

use counterfoil::operator::open_published;
use counterfoil::{Logo, OverrideKind, Overrides, StyleSheet, ThemeFile, ThemeFileError};

use crate::configuration::Configuration;
use crate::configuration::diagnostic::{Diagnostic, ValueSource};
use crate::configuration::override_files::read_directory;
use crate::configuration::page_file_fault::PageFileFault;
use crate::configuration::page_file_paths::PageFilePaths;

impl Configuration {
    /// The configuration with the content of the files, for a command that serves pages or checks whether they can be served. A
    /// file that cannot be used is an error of the configuration.
    pub(crate) fn with_page_files(&self) -> Self {
        let mut read = self.clone();
        let PageFilePaths { css, logo, texts, templates } = &self.builder.page_files;
        let theme = &mut read.builder.settings.pages.theme;
        match read_file(css.as_deref(), StyleSheet::new) {
            Ok(style_sheet) => theme.style_sheet = style_sheet,
            Err(fault) => read.errors.push(self.unusable_file("pages.css", fault)),
        }
        match read_file(logo.as_deref(), Logo::new) {
            Ok(logo) => theme.logo = logo,
            Err(fault) => read.errors.push(self.unusable_file("pages.logo", fault)),
        }
        match overrides(templates.as_deref(), texts.as_deref()) {
            Ok(overrides) => theme.overrides = overrides,
            Err(faults) => {
                let errors = faults.into_iter().map(|(setting, fault)| self.unusable_file(setting, fault));
                read.errors.extend(errors);
            }
        }
        read
    }

    /// The error about the file that the setting names.
    fn unusable_file(&self, setting: &str, fault: PageFileFault) -> Diagnostic {
        let assigned = self.assigned.get(setting);
        let source = assigned.map_or(ValueSource::Combination, |assigned| assigned.source.clone());
        Diagnostic { key: Some(setting.to_owned()), source, message: fault.message, hint: fault.hint }
    }
}

/// The templates and texts in these directories, or what is wrong with them, each with its setting.
fn overrides(
    templates: Option<&Path>,
    texts: Option<&Path>,
) -> Result<Option<Overrides>, Vec<(&'static str, PageFileFault)>> {
    if templates.is_none() && texts.is_none() {
        return Ok(None);
    }
    let read = |setting, directory: Option<&Path>| {
        let files = directory.map_or_else(|| Ok(Vec::new()), read_directory);
        files.map_err(|faults| faults.into_iter().map(|fault| (setting, fault)).collect::<Vec<_>>())
    };
    let (read_templates, read_texts) = match (read("pages.templates", templates), read("pages.texts", texts))
    {
        (Ok(templates), Ok(texts)) => (templates, texts),
        (templates, texts) => {
            let faults = [templates.err(), texts.err()].into_iter().flatten().flatten();
            return Err(faults.collect());
        }
    };
    let overrides = Overrides::new(read_templates, read_texts);
    overrides.map(Some).map_err(|errors| {
        let fault = |error: counterfoil::OverrideError| {
            let (setting, directory) = match error.kind() {
                OverrideKind::Template => ("pages.templates", templates),
                _ => ("pages.texts", texts),
            };
            let message = format!("{}/{error}", directory.unwrap_or(Path::new(".")).display());
            (setting, PageFileFault::new(message, Some(error.hint())))
        };
        errors.into_iter().map(fault).collect()
    })
}

/// The content of a file, if there is one, or what is wrong with it. At most one byte too many is read.
fn read_file<T>(
    file: Option<&Path>,
    parse: fn(Vec<u8>) -> Result<T, ThemeFileError>,
) -> Result<Option<T>, PageFileFault> {
    let Some(file) = file else { return Ok(None) };
    let mut content = Vec::new();
    let opened = open_published(file);
    opened
        .and_then(|opened| opened.take(ThemeFile::MAX_LEN as u64 + 1).read_to_end(&mut content))
        .map_err(|error| PageFileFault::unreadable(file, &error))?;
    let unusable = |error| PageFileFault::new(format!("{} {error}", file.display()), None);
    parse(content).map(Some).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, lchown};

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

    /// Such a user could change the pages.
    #[test]
    fn a_file_that_another_user_can_write_or_has_written_is_refused() {
        let shared = tempfile::tempdir().unwrap();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for (setting, name, content) in
            [("pages.css", "shop.css", "a{}"), ("pages.logo", "logo.svg", "<svg/>")]
        {
            let file = shared.path().join(name);
            std::fs::write(&file, content).unwrap();
            mode(&file, 0o666);
            let writable = fault(setting, &file).unwrap();
            assert!(writable.contains("every user may write to it"), "{writable}");
            mode(&file, 0o644);
            mode(shared.path(), 0o1777);
            assert_eq!(fault(setting, &file), None);
            if lchown(&file, Some(65_534), None).is_err() {
                return counterfoil_test_support::skip("only root can give a file to another user");
            }
            let foreign = fault(setting, &file).unwrap();
            assert!(foreign.contains("into a directory to which every user may write"), "{foreign}");
        }
    }

    #[test]
    fn a_template_with_another_name_is_refused_with_the_nearest_one() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("logn.html"), "").unwrap();
        let text = format!("[pages]\ntemplates = {:?}\n", place.path());
        let configuration = Configuration::from_text(Path::new("c.toml"), &text);

        let errors = configuration.with_page_files().validate(configuration.listen).unwrap_err();

        assert_eq!(errors[0].hint.as_deref(), Some("did you mean login.html?"));
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
    fn a_template_and_a_text_that_do_not_fit_are_refused_with_their_lines() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let path = place.path().display();
        std::fs::write(at("login.html"), "\n{{ page.usrname }}").unwrap();
        let expected = format!("{path}/login.html, line 2: `page.usrname` is not a field of this page");
        assert_eq!(fault("pages.templates", place.path()), Some(expected));
        std::fs::rename(at("login.html"), at("en.ftl")).unwrap();
        std::fs::write(at("en.ftl"), "\nsign-on = a").unwrap();
        let expected = format!("{path}/en.ftl, line 2: `sign-on` is not a text of the pages");
        assert_eq!(fault("pages.texts", place.path()), Some(expected));
        std::fs::write(at("en.ftl"), "sign-in = a").unwrap();
        assert_eq!(fault("pages.texts", place.path()), None);
        let missing = fault("pages.templates", &at("none")).unwrap();
        assert!(missing.starts_with(&format!("{path}/none cannot be read: No such file")), "{missing}");
    }

    /// A person who mends a theme wants to see everything that is wrong.
    #[test]
    fn every_error_of_both_directories_is_reported_at_once() {
        let place = tempfile::tempdir().unwrap();
        let directory = |name: &str| {
            let directory = place.path().join(name);
            std::fs::create_dir(&directory).unwrap();
            directory
        };
        let (templates, texts) = (directory("templates"), directory("texts"));
        std::fs::write(templates.join("a.html"), "").unwrap();
        std::fs::write(texts.join("xx.ftl"), "").unwrap();
        let text = format!("[pages]\ntemplates = {templates:?}\ntexts = {texts:?}\n");
        let configuration = Configuration::from_text(Path::new("c.toml"), &text);

        let errors = configuration.with_page_files().validate(configuration.listen).unwrap_err();

        let keys: Vec<_> = errors.iter().filter_map(|error| error.key.as_deref()).collect();
        assert_eq!(keys, ["pages.templates", "pages.texts"]);
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
