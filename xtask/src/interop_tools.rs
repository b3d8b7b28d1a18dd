//! `cargo xtask interop-tools`: installs the foreign programs that the interoperability tests call: libraries of Node
//! and Python and reverse proxies in the versions of their lock files, promtool and Valkey.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::{self, Tool};
use crate::{promtool, valkey, workspace};

/// The environment variable with the folder of the installation, for the tests.
pub(crate) const FOLDER: &str = "COUNTERFOIL_INTEROP";

/// The file in the folder of a part that shows that it is installed. With a lock file, it is a copy of that.
const RECORD: &str = "installed";

/// Node.js and its package manager.
pub(crate) const NODE: [Tool; 2] =
    [Tool { program: "node", packages: "nodejs" }, Tool { program: "npm", packages: "npm" }];

/// Python with its module that makes virtual environments.
pub(crate) const PYTHON: [Tool; 1] = [Tool { program: "python3", packages: "python3 python3-venv" }];

/// A folder of programs in another language, with the lock file of their libraries.
struct Part {
    /// The name of the folder in the installation.
    name: &'static str,
    /// The folder in the repository.
    source: &'static str,
    language: Language,
}

#[derive(Clone, Copy)]
enum Language {
    Node,
    Python,
}

/// Everything that is installed from a lock file.
const PARTS: [Part; 6] = [
    Part { name: "node", source: "crates/counterfoil/tests/interop/node", language: Language::Node },
    Part { name: "python", source: "crates/counterfoil/tests/interop/python", language: Language::Python },
    Part {
        name: "documents-node",
        source: "crates/counterfoil/tests/documents/node",
        language: Language::Node,
    },
    Part {
        name: "documents-python",
        source: "crates/counterfoil/tests/documents/python",
        language: Language::Python,
    },
    PROXIES,
    Part { name: "browser", source: "crates/counterfoil/tests/browser/node", language: Language::Node },
];

/// Binaries of 350 MB, which no Debian package brings in these versions.
const PROXIES: Part =
    Part { name: "proxies", source: "crates/counterfoil/tests/proxies/python", language: Language::Python };

/// An Express application, which is measured next to ours.
const EXPRESS_SESSIONS: Part =
    Part { name: "express-sessions", source: "benches/baselines/express", language: Language::Node };

/// Installs everything and prints where it is.
pub(crate) fn run() -> Result<()> {
    println!("{FOLDER}={}", find(true)?.display());
    Ok(())
}

/// The folder of the installation. What cannot be installed, for example without a network, is missing there: the tests
/// that need it are skipped.
///
/// # Errors
///
/// If something cannot be installed and `requires_all` holds.
pub(crate) fn find(requires_all: bool) -> Result<PathBuf> {
    let folder = workspace::Metadata::read()?.target_directory.join("interop");
    let parts = PARTS.iter().map(|part| (part.name, part.install(&folder.join(part.name))));
    let promtool = ("promtool", install_promtool(&folder.join("promtool")));
    let mut missing = Vec::new();
    let valkey = ("valkey", install_valkey(&folder.join("valkey")));
    for (name, result) in parts.chain([promtool, valkey]) {
        if let Err(error) = result {
            println!("{name} cannot be installed: {error:#}\nthe tests that need it are skipped");
            missing.push(name);
        }
    }
    if requires_all && !missing.is_empty() {
        bail!("the interoperability tools cannot be installed: {}", missing.join(", "));
    }
    Ok(folder)
}

/// The folder with the Express application with sessions, and its packages.
///
/// # Errors
///
/// If they cannot be installed.
pub(crate) fn express_sessions() -> Result<PathBuf> {
    EXPRESS_SESSIONS.find()
}

/// The folder with the reverse proxies that Debian does not have.
///
/// # Errors
///
/// If they cannot be installed.
pub(crate) fn proxies() -> Result<PathBuf> {
    PROXIES.find()
}

/// Installs promtool into `folder`, unless it is there.
fn install_promtool(folder: &Path) -> Result<()> {
    let record = folder.join(RECORD);
    if record.exists() && folder.join("promtool").exists() {
        return Ok(());
    }
    promtool::install(folder)?;
    fs::write(record, "").context("cannot record what is installed")
}

/// Installs Valkey into `folder`, unless it is there.
fn install_valkey(folder: &Path) -> Result<()> {
    let record = folder.join(RECORD);
    if record.exists() && folder.join(valkey::PROGRAM).exists() {
        return Ok(());
    }
    valkey::install(folder)?;
    fs::write(record, "").context("cannot record what is installed")
}

impl Part {
    /// Its folder in the target directory, in which it is installed first if it is not.
    fn find(&self) -> Result<PathBuf> {
        let folder = workspace::Metadata::read()?.target_directory.join("interop").join(self.name);
        self.install(&folder)?;
        Ok(folder)
    }

    /// Installs the libraries into `folder`, unless an earlier run did so for the same lock file.
    fn install(&self, folder: &Path) -> Result<()> {
        let (source, record) = (workspace::root().join(self.source), folder.join(RECORD));
        let wanted = fs::read(source.join(self.language.lock_file()))?;
        let is_current = fs::read(&record).is_ok_and(|installed| installed == wanted);
        if !is_current && record.exists() {
            fs::remove_file(&record)?;
        }
        copy(&source, folder)?;
        if is_current {
            return Ok(());
        }
        packages::ensure(self.language.tools())?;
        println!("missing: the libraries of {}; installing into {}", self.source, folder.display());
        self.language.install(folder)?;
        fs::write(record, wanted).context("cannot record what is installed")
    }
}

impl Language {
    fn lock_file(self) -> &'static str {
        match self {
            Self::Node => "package-lock.json",
            Self::Python => "requirements.txt",
        }
    }

    fn tools(self) -> &'static [Tool] {
        match self {
            Self::Node => &NODE,
            Self::Python => &PYTHON,
        }
    }

    fn install(self, folder: &Path) -> Result<()> {
        match self {
            Self::Node => npm(folder),
            Self::Python => pip(folder),
        }
    }
}

/// Copies the files of a folder. What an earlier run installed there is kept.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let file = file?;
        if file.file_type()?.is_file() {
            fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

fn npm(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    // Packages must not run scripts during the installation.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    workspace::run(npm.current_dir(folder))
}

/// Makes a virtual environment in `folder` and installs what its `requirements.txt` lists.
pub(crate) fn pip(folder: &Path) -> Result<()> {
    workspace::run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(folder))?;
    let mut pip = Command::new(folder.join("venv/bin/pip"));
    pip.args(["install", "--quiet", "--no-deps", "--only-binary=:all:", "--requirement=requirements.txt"]);
    workspace::run(pip.current_dir(folder))
}
