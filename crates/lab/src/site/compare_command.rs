//! `counterfoil compare` as a process of its own: its progress is read while it runs, its report at the end.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::{task, time};

use crate::measure::figure_id::FigureId;
use crate::progress::ProgressLine;
use crate::report::model::Report;
use crate::report::read::{MAX_REPORT_SIZE, ReadError, read};

/// How long a measurement may take. A quick one takes half a minute, and a few minutes without optimisation.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How many bytes of progress and errors are read.
const MAX_PROGRESS_SIZE: u64 = 1 << 20;

/// How many of the last lines with errors are shown.
const MAX_ERROR_LINES: usize = 20;

/// How often the removal of the files is tried: a process that was killed may still write for a moment.
const REMOVALS: usize = 20;

/// The pause between two removals.
const REMOVAL_PAUSE: Duration = Duration::from_millis(50);

/// How `/lab/measure` measures: `counterfoil compare` as a process of its own, so that the processor time of this one does not
/// count as that of the measured server, and its end needs no help.
///
/// ```
/// use counterfoil_lab::{CompareCommand, FigureId, LabSite};
///
/// let command = CompareCommand::quick("counterfoil").only(&[FigureId::Wire]);
/// let site = LabSite::new(command, |_| String::new());
/// # drop(site);
/// ```
#[derive(Debug, Clone)]
pub struct CompareCommand {
    program: PathBuf,
    arguments: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompareError {
    /// The program does not exist, or cannot be run.
    #[error("cannot start {}: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    /// There is no place for its files.
    #[error("cannot create a directory for its files: {0}")]
    Directory(io::Error),
    /// Its output cannot be read.
    #[error("cannot read what the process writes: {0}")]
    Read(io::Error),
    /// It has reported an error.
    #[error("{0}")]
    Failed(String),
    /// What it writes is not a report.
    #[error("the process has written something else than a report: {0}")]
    Report(#[from] ReadError),
    /// It takes too long.
    #[error("the process was stopped because it did not end within {} minutes", TIMEOUT.as_secs() / 60)]
    Timeout,
}

impl CompareCommand {
    /// A measurement of half a minute by `program`, which is `counterfoil`.
    pub fn quick(program: impl Into<PathBuf>) -> Self {
        let arguments = ["compare", "--quick", "--json", "-", "--json-progress"];
        Self { program: program.into(), arguments: arguments.map(str::to_owned).into() }
    }

    /// The same of these figures only.
    #[must_use]
    pub fn only(mut self, figures: &[FigureId]) -> Self {
        let names: Vec<&str> = figures.iter().map(|figure| figure.as_str()).collect();
        self.arguments.push(format!("--only={}", names.join(",")));
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If there is no such program, or no directory for its files.
    pub(super) async fn start(&self) -> Result<CompareProcess, CompareError> {
        let dir =
            tempfile::Builder::new().prefix("counterfoil-").tempdir().map_err(CompareError::Directory)?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env("TMPDIR", dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: the processes that it starts end with it, and a signal of the terminal ends this process first.
        command.process_group(0).kill_on_drop(true);
        let start = |source| CompareError::Start { program: self.program.clone(), source };
        let child = command.spawn().map_err(start)?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(CompareProcess { child, group, dir: Some(dir) })
    }
}

/// A process that measures. Its files are in a directory that [`CompareProcess::end`] removes.
pub(super) struct CompareProcess {
    child: Child,
    /// The group of the process and of those that it starts. `None` when all of them were killed.
    group: Option<Pid>,
    dir: Option<TempDir>,
}

impl CompareProcess {
    /// Reads its progress and, at its end, its report.
    pub(super) async fn report(
        &mut self,
        progress: impl FnMut(ProgressLine),
    ) -> Result<Report, CompareError> {
        let finished = time::timeout(TIMEOUT, self.finish(progress)).await;
        finished.unwrap_or(Err(CompareError::Timeout))
    }

    async fn finish(&mut self, progress: impl FnMut(ProgressLine)) -> Result<Report, CompareError> {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let report = async {
            let mut text = String::new();
            if let Some(stdout) = stdout {
                stdout
                    .take(MAX_REPORT_SIZE + 1)
                    .read_to_string(&mut text)
                    .await
                    .map_err(CompareError::Read)?;
            }
            // More would wait in the pipe, and the process with it.
            let is_complete = text.len() as u64 <= MAX_REPORT_SIZE;
            is_complete.then_some(text).ok_or(CompareError::Report(ReadError::TooLong))
        };
        let errors = async {
            match stderr {
                Some(stderr) => read_progress(stderr, progress).await.map_err(CompareError::Read),
                None => Ok(Vec::new()),
            }
        };
        let (text, errors) = tokio::try_join!(report, errors)?;
        let status = self.child.wait().await.map_err(CompareError::Read)?;
        if status.success() {
            self.group = None;
            return Ok(read(&text)?);
        }
        // One that was killed has left servers without rate limits, which `end` kills. While one of them runs, no other group has
        // this id.
        Err(CompareError::Failed(match errors.is_empty() {
            true => format!("the process has ended with {status}"),
            false => errors.join("\n"),
        }))
    }

    /// Kills it, if it still runs, with the processes that it has started, and removes its files.
    pub(super) async fn end(mut self) {
        self.kill_group();
        let _ = self.child.wait().await;
        if let Some(dir) = self.dir.take() {
            let _ = task::spawn_blocking(move || remove(&dir)).await;
        }
    }

    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            // One that has just ended cannot be killed.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for CompareProcess {
    fn drop(&mut self) {
        self.kill_group();
    }
}

fn remove(dir: &TempDir) {
    for _ in 0..REMOVALS {
        if std::fs::remove_dir_all(dir.path()).is_ok() {
            return;
        }
        std::thread::sleep(REMOVAL_PAUSE);
    }
}

/// Reads lines of progress to the end. Returns the last ones that are something else: errors.
async fn read_progress(
    stderr: impl AsyncRead + Unpin,
    mut progress: impl FnMut(ProgressLine),
) -> io::Result<Vec<String>> {
    let mut lines = BufReader::new(stderr.take(MAX_PROGRESS_SIZE)).lines();
    let mut errors = Vec::new();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line) {
            Ok(line) => progress(line),
            Err(_) => errors.push(line),
        }
        if errors.len() > MAX_ERROR_LINES {
            errors.remove(0);
        }
    }
    Ok(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_of_progress_are_told_from_errors() {
        let many = "note\n".repeat(MAX_ERROR_LINES);
        let text = format!(
            "{{\"part\":\"rounds\",\"done\":1,\"of\":35}}\nerror: no\nhint: \u{1b}[1mdo\n{many}{{\"part\":\"x\"}}\n"
        );
        let mut parts = Vec::new();

        let errors = read_progress(text.as_bytes(), |line| parts.push(line)).await.unwrap();

        assert_eq!(parts, [ProgressLine { part: "rounds".into(), done: 1, of: 35 }]);
        assert_eq!(errors.len(), MAX_ERROR_LINES);
        assert_eq!(errors.last().map(String::as_str), Some("{\"part\":\"x\"}"));
    }
}
