//! The picture of the code: how long functions and files are, how much is said, and whether arrows run in
//! a circle.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::picture::modules::Modules;
use crate::picture::source::Source;
use crate::workspace::{self, Metadata, Package};

mod circle;
mod imports;
mod modules;
mod source;

/// A function longer than this is listed: which two sentences does it say?
const LONG_FUNCTION: usize = 40;

/// A file longer than this is listed.
const LONG_FILE: usize = 400;

/// How to show it.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Prints JSON in place of the table.
    #[arg(long)]
    json: bool,
}

/// Measures every crate and shows the picture.
///
/// # Errors
///
/// If imports run in a circle, between crates or between the modules of one.
pub(crate) fn run(options: &Options) -> Result<()> {
    let picture = Picture::take(&Metadata::read()?)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&picture)?);
    } else {
        picture.show();
    }
    if !picture.circles.is_empty() {
        bail!("imports run in a circle: {}", picture.circles.join("; "));
    }
    Ok(())
}

/// All that we measure.
#[derive(Serialize)]
struct Picture {
    crates: Vec<Measured>,
    /// `path:line name, length`, longest first; without tests.
    long_functions: Vec<String>,
    /// `path, lines`, tests included.
    long_files: Vec<String>,
    /// Each as `a -> b -> a`.
    circles: Vec<String>,
}

/// One crate, without its tests.
#[derive(Serialize)]
struct Measured {
    name: String,
    files: usize,
    lines: usize,
    functions: usize,
    /// Lines from the signature to the closing brace.
    median: usize,
    ninetieth: usize,
    /// Comment lines of a hundred that are not blank.
    comments: usize,
}

impl Picture {
    fn take(metadata: &Metadata) -> Result<Self> {
        let mut picture = Self {
            crates: Vec::new(),
            long_functions: Vec::new(),
            long_files: Vec::new(),
            circles: Vec::new(),
        };
        for package in metadata.members() {
            picture.add(package)?;
        }
        picture.circles.extend(circle::find(&crate_arrows(metadata)));
        Ok(picture)
    }

    fn add(&mut self, package: &Package) -> Result<()> {
        let folder = package.manifest_path.parent().context("a manifest lies in a folder")?.join("src");
        let sources: Vec<Source> =
            rust_files(&folder)?.iter().map(|path| Source::read(&folder, path)).collect::<Result<_>>()?;

        self.list_long_ones(&folder, &sources);
        let arrows = Modules::of(&sources).arrows();
        self.circles
            .extend(circle::find(&arrows).into_iter().map(|found| format!("{}: {found}", package.name)));
        self.crates.push(Measured::of(&package.name, &sources));
        Ok(())
    }

    fn list_long_ones(&mut self, folder: &Path, sources: &[Source]) {
        for source in sources {
            let path = folder.join(&source.path);
            let path = path.strip_prefix(workspace::root()).unwrap_or(&path).display();
            if source.lines > LONG_FILE {
                self.long_files.push(format!("{path}, {} lines", source.lines));
            }
            for function in source.functions.iter().filter(|function| function.length > LONG_FUNCTION) {
                let (line, name, length) = (function.line, &function.name, function.length);
                self.long_functions.push(format!("{path}:{line} {name}, {length} lines"));
            }
        }
    }

    fn show(&self) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["crate", "files", "lines", "functions", "median", "9 in 10", "comments"]);
        for measured in &self.crates {
            table.add_row(measured.row());
        }
        println!("{table}");
        list("functions over 40 lines", &self.long_functions);
        list("files over 400 lines", &self.long_files);
        list("import circles", &self.circles);
    }
}

fn list(title: &str, entries: &[String]) {
    println!("\n{title}: {}", if entries.is_empty() { "none" } else { "" });
    for entry in entries {
        println!("  {entry}");
    }
}

impl Measured {
    fn of(name: &str, sources: &[Source]) -> Self {
        let mut lengths: Vec<usize> =
            sources.iter().flat_map(|source| &source.functions).map(|function| function.length).collect();
        lengths.sort_unstable();
        let [said, written] =
            [sources.iter().map(|s| s.comments).sum(), sources.iter().map(|s| s.written).sum()];
        Self {
            name: name.to_owned(),
            files: sources.len(),
            lines: sources.iter().map(|source| source.lines).sum(),
            functions: lengths.len(),
            median: quantile(&lengths, 50),
            ninetieth: quantile(&lengths, 90),
            comments: said * 100 / usize::max(written, 1),
        }
    }

    fn row(&self) -> [String; 7] {
        [
            self.name.clone(),
            self.files.to_string(),
            self.lines.to_string(),
            self.functions.to_string(),
            self.median.to_string(),
            self.ninetieth.to_string(),
            format!("{} %", self.comments),
        ]
    }
}

/// The value below which `percent` of a sorted list lie; 0 of an empty one.
fn quantile(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}

/// Every `.rs` below `folder`, in the order of their names.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Which of our crates is built from which. Tests may look back: a store is tested by the laws of the core,
/// and the core by that store.
fn crate_arrows(metadata: &Metadata) -> Vec<(String, String)> {
    let ours: Vec<&str> = metadata.workspace_members.iter().map(String::as_str).collect();
    let mut arrows = Vec::new();
    for node in metadata.resolve.nodes.iter().filter(|node| ours.contains(&node.id.as_str())) {
        for arrow in node.deps.iter().filter(|arrow| ours.contains(&arrow.pkg.as_str())) {
            if arrow.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev")) {
                let [from, to] = [&node.id, &arrow.pkg].map(|id| metadata.package(id).name.clone());
                arrows.push((from, to));
            }
        }
    }
    arrows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_few_lengths_is_one_of_them() {
        assert_eq!(quantile(&[], 50), 0);
        assert_eq!(quantile(&[7], 90), 7);
        assert_eq!(quantile(&[1, 2, 3], 50), 2);
        assert_eq!(quantile(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 90), 10);
    }
}
