//! The files of the project.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of the project.
pub(super) struct Files {
    root: PathBuf,
    folders: Vec<String>,
}

impl Files {
    pub(super) fn read(root: &Path) -> Self {
        let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap());
        let folders = entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap());
        let folders = folders.filter(|name| name != "target" && name != ".git").collect();
        Self { root: root.to_owned(), folders }
    }

    /// A path that starts with a folder of the project, as `docs/keys.md` or `crates/cli/tests/{clock,disk}.rs`.
    pub(super) fn missing_in_span(&self, span: &str) -> Vec<String> {
        let path = span.split("::").next().unwrap_or_default();
        let is_path = !path.contains([' ', '…', '<', '$', '('])
            && path
                .split_once('/')
                .is_some_and(|(first, _)| self.folders.iter().any(|folder| folder == first));
        if !is_path {
            return vec![];
        }
        let missing = alternatives(path).into_iter().filter(|path| !self.exists(path));
        missing.map(|path| format!("no file {path}")).collect()
    }

    fn exists(&self, path: &str) -> bool {
        let folder = path.split('*').next().unwrap_or_default();
        let folder = if folder.len() < path.len() {
            folder.rsplit_once('/').map_or("", |(folder, _)| folder)
        } else {
            folder
        };
        self.root.join(folder).exists()
    }
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn alternatives(path: &str) -> Vec<String> {
    let Some((start, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((names, end)) = rest.split_once('}') else { return vec![path.to_owned()] };
    names.split(',').map(|name| format!("{start}{}{end}", name.trim())).collect()
}
