//! `cargo xtask module-graph`: the length of functions and files, the share of comments, and import cycles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::module_graph::modules::Modules;
use crate::module_graph::source::Source;
use crate::rust_source::{self, RustFile};
use crate::workspace::{self, Metadata, Package};

pub(crate) mod cycles;
pub(crate) mod modules;
mod source;

/// A function longer than this is listed.
const LONG_FUNCTION: usize = 40;

/// A file longer than this is listed.
const LONG_FILE: usize = 400;

/// How to show the graph.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Prints JSON instead of a table. It lists every import between modules.
    #[arg(long)]
    json: bool,
}

/// Measures every crate and prints the result.
///
/// # Errors
///
/// If imports form a cycle, between crates or between the modules of one crate.
pub(crate) fn run(options: &Options) -> Result<()> {
    let graph = ModuleGraph::read(&Metadata::read()?)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&graph)?);
    } else {
        graph.show();
    }
    if !graph.cycles.is_empty() {
        bail!("imports form a cycle: {}", graph.cycles.join("; "));
    }
    Ok(())
}

/// The graph and what was measured.
#[derive(Serialize)]
struct ModuleGraph {
    crates: Vec<CrateMetrics>,
    /// `path:line name, length`, without tests.
    long_functions: Vec<String>,
    /// `path, lines`, tests included.
    long_files: Vec<String>,
    /// Each as `a -> b -> a`.
    cycles: Vec<String>,
    /// The imports between the modules of each crate, from the first of a pair to the second.
    imports: BTreeMap<String, Vec<(String, String)>>,
}

/// One crate, without its tests.
#[derive(Serialize)]
struct CrateMetrics {
    name: String,
    files: usize,
    lines: usize,
    functions: usize,
    /// Lines from the signature to the closing brace.
    median: usize,
    ninetieth: usize,
    /// Comment lines among 100 lines that are not blank.
    comments: usize,
}

impl ModuleGraph {
    fn read(metadata: &Metadata) -> Result<Self> {
        let mut graph = Self {
            crates: Vec::new(),
            long_functions: Vec::new(),
            long_files: Vec::new(),
            cycles: Vec::new(),
            imports: BTreeMap::new(),
        };
        for package in metadata.members() {
            graph.add(package)?;
        }
        graph.cycles.extend(cycles::find(&crate_edges(metadata)));
        Ok(graph)
    }

    fn add(&mut self, package: &Package) -> Result<()> {
        let folder = source_folder(package)?;
        let files = rust_source::read_tree(&folder)?;
        let sources: Vec<Source> = files.iter().map(Source::measure).collect();
        self.list_long(&sources);
        self.cycles.extend(module_cycles(package, &folder, &files));
        self.imports.insert(package.name.clone(), Modules::new(&folder, &files).edges());
        self.crates.push(CrateMetrics::new(&package.name, &sources));
        Ok(())
    }

    fn list_long(&mut self, sources: &[Source]) {
        for source in sources {
            let path = source.path.display();
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
        for metrics in &self.crates {
            table.add_row(metrics.row());
        }
        println!("{table}");
        list("functions over 40 lines", &self.long_functions);
        list("files over 400 lines", &self.long_files);
        list("import cycles", &self.cycles);
    }
}

/// The `src` of a package, below the root of the workspace.
fn source_folder(package: &Package) -> Result<PathBuf> {
    let folder = package.manifest_path.parent().context("a manifest has no folder")?.join("src");
    Ok(folder.strip_prefix(workspace::root()).map(Path::to_owned).unwrap_or(folder))
}

/// The import cycles between the crates, and between the modules of each.
pub(crate) fn all_cycles(metadata: &Metadata) -> Result<Vec<String>> {
    let mut found = cycles::find(&crate_edges(metadata));
    for package in metadata.members() {
        let folder = source_folder(package)?;
        found.extend(module_cycles(package, &folder, &rust_source::read_tree(&folder)?));
    }
    Ok(found)
}

fn module_cycles(package: &Package, folder: &Path, files: &[RustFile]) -> Vec<String> {
    let cycles = cycles::find(&Modules::new(folder, files).edges());
    cycles.into_iter().map(|cycle| format!("{}: {cycle}", package.name)).collect()
}

fn list(title: &str, entries: &[String]) {
    println!("\n{title}: {}", if entries.is_empty() { "none" } else { "" });
    for entry in entries {
        println!("  {entry}");
    }
}

impl CrateMetrics {
    fn new(name: &str, sources: &[Source]) -> Self {
        let mut lengths: Vec<usize> =
            sources.iter().flat_map(|source| &source.functions).map(|function| function.length).collect();
        lengths.sort_unstable();
        let comments: usize = sources.iter().map(|source| source.comments).sum();
        let written: usize = sources.iter().map(|source| source.written).sum();
        Self {
            name: name.to_owned(),
            files: sources.len(),
            lines: sources.iter().map(|source| source.lines).sum(),
            functions: lengths.len(),
            median: quantile(&lengths, 50),
            ninetieth: quantile(&lengths, 90),
            comments: comments * 100 / usize::max(written, 1),
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

/// The value below which `percent` of a sorted list lie; 0 for an empty list.
fn quantile(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}

/// Which crate of the workspace is built from which. Development dependencies do not count: the core tests itself
/// with a store, and the store tests itself with the core.
fn crate_edges(metadata: &Metadata) -> Vec<(String, String)> {
    let members: Vec<&str> = metadata.workspace_members.iter().map(String::as_str).collect();
    let mut edges = Vec::new();
    for node in metadata.resolve.nodes.iter().filter(|node| members.contains(&node.id.as_str())) {
        for dependency in node.deps.iter().filter(|dependency| members.contains(&dependency.pkg.as_str())) {
            if dependency.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev")) {
                let [from, to] = [&node.id, &dependency.pkg].map(|id| metadata.package(id).name.clone());
                edges.push((from, to));
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that refers to another only in an attribute closes this cycle.
    #[test]
    fn a_cycle_through_an_attribute_is_found() {
        let parse = |path: &str, text: &str| RustFile::parse(path.as_ref(), text.to_owned()).unwrap();
        let error =
            "pub enum FetchError { #[error(\"more than {most} keys\", most = super::fetch::MAX_KEYS)] Keys }";
        let files = [
            parse("lib.rs", "mod jwks;"),
            parse("jwks/mod.rs", "mod discovery; mod error; mod fetch;"),
            parse("jwks/error.rs", error),
            parse("jwks/fetch.rs", "use crate::jwks::discovery::Discovery; pub const MAX_KEYS: usize = 64;"),
            parse("jwks/discovery.rs", "use crate::jwks::error::FetchError;"),
        ];

        let found = cycles::find(&Modules::new(Path::new(""), &files).edges());

        assert_eq!(found, ["jwks::discovery -> jwks::error -> jwks::fetch -> jwks::discovery"]);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        assert_eq!(quantile(&[], 50), 0);
        assert_eq!(quantile(&[7], 90), 7);
        assert_eq!(quantile(&[1, 2, 3], 50), 2);
        assert_eq!(quantile(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 90), 10);
    }
}
