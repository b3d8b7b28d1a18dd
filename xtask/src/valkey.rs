//! Installs a Valkey server, on which the tests of the shared cache run a second time.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{packages, promtool, workspace};

/// The name of the program in the folder.
pub(crate) const PROGRAM: &str = "valkey-server";

/// The package with the program of the server, under another name. It is downloaded and not installed: an installed server is
/// started.
const PACKAGE: &str = "valkey-tools";

/// Debian 12 has the package in its backports, later versions among the others.
const BACKPORTS: &str = "deb http://deb.debian.org/debian bookworm-backports main\n";

/// Puts `valkey-server` into `folder`: a link to the installed program, or the program of the package.
///
/// # Errors
///
/// If there is neither Valkey nor apt-get, or if the package cannot be downloaded.
pub(crate) fn install(folder: &Path) -> Result<()> {
    // What an interrupted run has left.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    if let Some(installed) = packages::find_program(PROGRAM) {
        return symlink(installed, folder.join(PROGRAM)).context("cannot link Valkey");
    }
    if packages::find_program("apt-get").is_none() {
        bail!("missing: {PROGRAM}; install it");
    }
    println!("missing: {PROGRAM}; downloading the package {PACKAGE}");
    let package = promtool::download(&[], PACKAGE, folder).or_else(|_| download_backport(folder))?;
    promtool::extract(&package, "./usr/bin/valkey-check-rdb", folder)?;
    fs::remove_file(package).context("cannot delete the package")?;
    // One program has both names.
    fs::rename(folder.join("valkey-check-rdb"), folder.join(PROGRAM)).context("cannot rename Valkey")
}

/// Downloads the package from the backports, with lists of packages of its own: those of the system stay as they are.
fn download_backport(folder: &Path) -> Result<std::path::PathBuf> {
    let (list, lists) = (folder.join("backports.list"), folder.join("lists"));
    fs::write(&list, BACKPORTS)?;
    fs::create_dir_all(lists.join("partial"))?;
    let options = [
        format!("Dir::Etc::sourcelist={}", list.display()),
        "Dir::Etc::sourceparts=-".to_owned(),
        format!("Dir::State::lists={}", lists.display()),
    ];
    let options: Vec<&str> = options.iter().flat_map(|option| ["-o", option]).collect();
    let update = ["-o", "APT::Sandbox::User=root", "update", "-qq"];
    workspace::run(Command::new("apt-get").args(&options).args(update))?;
    let package = promtool::download(&options, PACKAGE, folder)?;
    fs::remove_dir_all(lists)?;
    Ok(package)
}
