//! Compiles the I/O shim (`shim.c`) and loads it into the server with `LD_PRELOAD`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::disk::failure::InjectedFailure;
use crate::program::LaunchConfig;

const SOURCE: &str = include_str!("shim.c");

/// The compiled shim.
#[derive(Debug, Clone)]
pub struct Shim(PathBuf);

impl Shim {
    /// Compiles the shim in `dir`.
    ///
    /// # Errors
    ///
    /// If there is no C compiler, or it fails.
    pub fn compile(dir: &Path) -> Result<Self> {
        let (source, library) = (dir.join("shim.c"), dir.join("shim.so"));
        fs::write(&source, SOURCE)?;
        let output = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .args(["-ldl", "-lpthread"])
            .output()
            .context("cannot run the C compiler `cc`")?;
        ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self(library))
    }

    /// Writes every change to the data directory to `trace_file`.
    pub fn with_trace(&self, config: LaunchConfig, trace_file: &Path) -> LaunchConfig {
        self.preload(config).with_env("FAULT_TRACE_FILE", trace_file)
    }

    /// Makes calls on files of the data directory fail.
    pub fn with_failure(&self, config: LaunchConfig, failure: InjectedFailure) -> LaunchConfig {
        self.preload(config)
            .with_env("FAULT_CALL", failure.call.as_str())
            .with_env("FAULT_FIRST", failure.first.to_string())
            .with_env("FAULT_COUNT", failure.count.to_string())
            .with_env("FAULT_ERRNO", failure.errno.to_string())
            .with_env("FAULT_FILE_SUFFIX", failure.file_suffix)
    }

    fn preload(&self, config: LaunchConfig) -> LaunchConfig {
        let data_dir = config.data_dir.clone();
        config.with_env("LD_PRELOAD", &self.0).with_env("FAULT_DIR", data_dir)
    }
}
