//! Rust files of the workspace, parsed: what is compiled for tests, and which names each line refers to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::rust_source::references::Reference;
use crate::rust_source::test_code::TestCode;
use crate::workspace;

pub(crate) mod references;
pub(crate) mod test_code;

/// One parsed file.
pub(crate) struct RustFile {
    /// The path below the root of the workspace.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    pub(crate) test_code: TestCode,
    /// The references outside test code.
    pub(crate) references: Vec<Reference>,
}

impl RustFile {
    /// Reads the file at `path`, which lies below the root of the workspace.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(workspace::root().join(path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(path, text).with_context(|| format!("cannot parse {}", path.display()))
    }

    /// Parses `text` as the file at `path`.
    pub(crate) fn parse(path: &Path, text: String) -> syn::Result<Self> {
        let syntax = syn::parse_file(&text)?;
        let test_code = TestCode::find_in(&syntax);
        let references = references::find_in(text.parse()?, &test_code);
        Ok(Self { path: path.to_owned(), text, syntax, test_code, references })
    }

    /// The files and folders of the modules that this file declares for tests only: `#[cfg(test)] mod fixture;`.
    fn test_modules(&self) -> impl Iterator<Item = PathBuf> {
        let is_root = ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| self.path.ends_with(name));
        let folder = if is_root { self.path.with_file_name("") } else { self.path.with_extension("") };
        let names = self.test_code.modules.iter();
        names.map(move |name| folder.join(name))
    }
}

/// Every Rust file below `folder` of the workspace that is compiled without `cfg(test)`, in the order of their names.
pub(crate) fn read_tree(folder: &Path) -> Result<Vec<RustFile>> {
    let root = workspace::root();
    let paths = list_files(&root.join(folder), &["rs"])?;
    let files: Vec<RustFile> = paths
        .iter()
        .map(|path| RustFile::read(path.strip_prefix(root).unwrap_or(path)))
        .collect::<Result<_>>()?;
    Ok(without_test_modules(files))
}

/// `files` without those that belong to a module that is declared for tests only.
pub(crate) fn without_test_modules(files: Vec<RustFile>) -> Vec<RustFile> {
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(RustFile::test_modules).collect();
    let is_compiled = |file: &RustFile| {
        let module = file.path.with_extension("");
        !module.ancestors().any(|ancestor| tests.contains(ancestor))
    };
    files.into_iter().filter(is_compiled).collect()
}

/// How many modules a file declares, without those for tests.
pub(crate) fn module_count(file: &RustFile) -> usize {
    let modules = file.syntax.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) => Some(module.mod_token.span.start()),
        _ => None,
    });
    modules.filter(|start| !file.test_code.contains(*start)).count()
}

/// Every file below `folder` with one of these extensions, in the order of their names. Build output and links are left out.
pub(crate) fn list_files(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_symlink() {
                continue;
            }
            if path.is_dir() {
                let is_output = path.ends_with("target") || path.ends_with("node_modules");
                if !is_output {
                    folders.push(path);
                }
            } else if extensions.iter().any(|wanted| path.extension().is_some_and(|found| found == *wanted)) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_test_module_is_left_out_and_its_siblings_are_kept() {
        let parse = |path: &str, text: &str| RustFile::parse(path.as_ref(), text.to_owned()).unwrap();
        let files = vec![
            parse("a/src/lib.rs", "#[cfg(test)]\nmod fixture;\nmod kept;"),
            parse("a/src/fixture/data.rs", ""),
            parse("a/src/fixture.rs", ""),
            parse("a/src/kept.rs", "#[cfg(test)]\nmod tests;"),
            parse("a/src/kept/tests.rs", ""),
        ];

        let left: Vec<_> = without_test_modules(files).into_iter().map(|file| file.path).collect();

        assert_eq!(left, [PathBuf::from("a/src/lib.rs"), PathBuf::from("a/src/kept.rs")]);
    }
}
