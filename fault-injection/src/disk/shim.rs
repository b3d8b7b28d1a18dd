//! The library that stands between a program and its disk (`shim.c`), compiled where it is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::program::Plan;

const SOURCE: &str = include_str!("shim.c");

/// The compiled library.
#[derive(Debug, Clone)]
pub struct Shim(PathBuf);

/// What fails, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Which kind of call.
    pub of: Call,
    /// Which of them, from 1.
    pub at: usize,
    /// How many of them in a row.
    pub count: usize,
    /// The error number that the program is given.
    pub with: i32,
    /// What the names of the files end with that fail; all if empty.
    pub on: &'static str,
}

/// A kind of call that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `fsync` and `fdatasync`.
    Sync,
    /// `write` and `pwrite`.
    Write,
}

impl Call {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Write => "write",
        }
    }
}

impl Failure {
    /// The call with this number says that the disk is broken; those after it succeed, as on Linux they would.
    pub fn io(of: Call, at: usize) -> Self {
        Self { of, at, count: 1, with: 5, on: "" }
    }
}

impl Shim {
    /// Compiles it in the directory `place`.
    ///
    /// # Errors
    ///
    /// If there is no C compiler, or it refuses.
    pub fn compile(place: &Path) -> Result<Self> {
        let (source, library) = (place.join("shim.c"), place.join("shim.so"));
        std::fs::write(&source, SOURCE)?;
        let output = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .args(["-ldl", "-lpthread"])
            .output()
            .context("there is no C compiler")?;
        ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self(library))
    }

    /// `plan`, with every change to its data directory written down in `record`.
    pub fn recording(&self, plan: Plan, record: &Path) -> Plan {
        let under = plan.dir.clone();
        plan.with("LD_PRELOAD", &self.0).with("TRIAL_UNDER", under).with("TRIAL_RECORD", record)
    }

    /// `plan`, with that call failing.
    pub fn failing(&self, plan: Plan, failure: Failure) -> Plan {
        let under = plan.dir.clone();
        plan.with("LD_PRELOAD", &self.0)
            .with("TRIAL_UNDER", under)
            .with("TRIAL_FAIL", failure.of.as_str())
            .with("TRIAL_FAIL_AT", failure.at.to_string())
            .with("TRIAL_FAIL_FOR", failure.count.to_string())
            .with("TRIAL_FAIL_WITH", failure.with.to_string())
            .with("TRIAL_FAIL_ON", failure.on)
    }
}
