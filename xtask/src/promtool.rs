//! Installs promtool, which checks metrics and alert rules, from the Debian package `prometheus`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{packages, workspace};

/// The package is downloaded and not installed: an installed package starts a server.
const PACKAGE: &str = "prometheus";

/// Puts `promtool` into `folder`: a link to the installed program, or the program of the package.
///
/// # Errors
///
/// If there is neither promtool nor apt-get, or if the package cannot be downloaded.
pub(crate) fn install(folder: &Path) -> Result<()> {
    // What an interrupted run has left.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    if let Some(installed) = packages::find_program("promtool") {
        return symlink(installed, folder.join("promtool")).context("cannot link promtool");
    }
    if packages::find_program("apt-get").is_none() {
        bail!("missing: promtool; install it, for example with the Debian package {PACKAGE}");
    }
    println!("missing: promtool; downloading the package {PACKAGE}");
    let package = download(&[], PACKAGE, folder).or_else(|_| {
        workspace::run(Command::new("apt-get").args(["update", "-qq"]))?;
        download(&[], PACKAGE, folder)
    })?;
    extract(&package, "./usr/bin/promtool", folder)?;
    fs::remove_file(package).context("cannot delete the package")
}

/// Downloads a package into `folder`, with these options of apt-get.
///
/// # Errors
///
/// If apt-get cannot download it.
pub(crate) fn download(options: &[&str], package: &str, folder: &Path) -> Result<PathBuf> {
    let mut apt_get = Command::new("apt-get");
    // The user of the sandbox cannot write into the folder.
    apt_get.args(options).args(["-o", "APT::Sandbox::User=root", "-qq", "download", package]);
    workspace::run(apt_get.current_dir(folder))?;
    let files = fs::read_dir(folder)?.filter_map(|file| Some(file.ok()?.path()));
    let mut packages = files.filter(|file| file.extension().is_some_and(|extension| extension == "deb"));
    packages.next().context("apt-get has downloaded no package")
}

/// Puts one program of a package into `folder`.
///
/// # Errors
///
/// If the package does not have it.
pub(crate) fn extract(package: &Path, program: &str, folder: &Path) -> Result<()> {
    let mut archive = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run dpkg-deb")?;
    let files = archive.stdout.take().context("dpkg-deb has no output")?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--strip-components=3", program]).stdin(files);
    let extracted = workspace::run(tar.current_dir(folder));
    // It fails if tar closes its input early, which is no error.
    archive.wait()?;
    extracted
}
