//! The operator's door: `DIR/admin.sock`, for the owner of the server and root alone.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _, PermissionsExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::admin::{Command, Refused};
use crate::app::App;

/// The most bytes of a command.
const LONGEST_COMMAND: u64 = 64 * 1024;
/// The most bytes of an answer: a thousand users with their longest names.
const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;
/// How long somebody at the door may take to say what they want.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many are served at a time.
const AT_A_TIME: usize = 16;
/// The longest path of a socket (`sun_path`, with its final zero).
const LONGEST_PATH: usize = 107;

/// Where the socket of the server that owns `dir` is.
pub fn path_in(dir: &Path) -> PathBuf {
    dir.join("admin.sock")
}

/// The socket, while its server serves. The file goes when this is dropped.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

/// What goes back through the socket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(Value),
    Refused(Refused),
}

impl AdminSocket {
    /// Opens the socket in `dir`, mode 0600 from its first moment. A file that a former server left there is
    /// replaced: whoever calls this owns the store.
    ///
    /// # Errors
    ///
    /// If a server answers there already, the path is too long for a socket, or the system refuses.
    pub fn bind(dir: &Path) -> io::Result<Self> {
        let path = path_in(dir);
        if StdStream::connect(&path).is_ok() {
            let what = format!("another server answers at {}", path.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, what));
        }
        // Bound where nobody else can look, made private, and then moved to its place at once.
        let hidden = dir.join(format!(".admin-{}", std::process::id()));
        judge_length(&hidden.join("s"))?;
        // A server that was cut short may have left it; in a container its successor has the same id.
        let _ = fs::remove_dir_all(&hidden);
        DirBuilder::new().mode(0o700).create(&hidden)?;
        let bound = Self::bind_hidden(&hidden.join("s"), &path);
        let _ = fs::remove_dir_all(&hidden);
        Ok(Self { listener: UnixListener::from_std(bound?)?, path })
    }

    fn bind_hidden(hidden: &Path, path: &Path) -> io::Result<StdListener> {
        let listener = StdListener::bind(hidden)?;
        fs::set_permissions(hidden, Permissions::from_mode(0o600))?;
        fs::rename(hidden, path)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// Serves until it is dropped.
    pub async fn serve(self, app: App) {
        let mut served = JoinSet::new();
        loop {
            while served.len() >= AT_A_TIME {
                served.join_next().await;
            }
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let app = app.clone();
                    served.spawn(async move { serve_one(&app, stream).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "nobody could be let in at the operator's door");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            // Those who are done are let go.
            while served.try_join_next().is_some() {}
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn serve_one(app: &App, stream: UnixStream) {
    if let Err(error) = converse(app, stream).await {
        tracing::warn!(%error, "an operator's command could not be taken or answered");
    }
}

/// One line in, one line out.
async fn converse(app: &App, mut stream: UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {peer} is not the owner")));
    }
    let answer = match tokio::time::timeout(PATIENCE, line_of(&mut stream, LONGEST_COMMAND)).await {
        Err(_) => Err(Refused::new("no command came in time")),
        Ok(line) => match serde_json::from_slice::<Command>(&line?) {
            Ok(command) => app.administer(command).await,
            // The text of the error would show what was sent, and that may be a password.
            Err(_) => {
                Err(Refused::new("the server does not know this command").hint("is it of the same version?"))
            }
        },
    };
    let answer = answer.map_or_else(Answer::Refused, Answer::Done);
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    stream.shutdown().await
}

/// The first line of what comes, without its end.
async fn line_of(stream: &mut UnixStream, longest: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(stream.take(longest)).read_until(b'\n', &mut line).await?;
    match line.pop() {
        Some(b'\n') => Ok(line),
        Some(_) | None => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long, or has no end"))
        }
    }
}

fn judge_length(path: &Path) -> io::Result<()> {
    if path.as_os_str().len() <= LONGEST_PATH {
        return Ok(());
    }
    let what = format!(
        "the path {} is too long for a socket; choose a data directory with a shorter one",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// Whether the process that answers is root's or our own; root also talks to a service that has a user of its
/// own, where nobody else could have put the directory in its place.
fn may_be_told(dir: &Path, peer: u32) -> bool {
    let own = rustix::process::geteuid().as_raw();
    peer == 0 || peer == own || (own == 0 && belongs_to(dir, peer))
}

/// Whether `dir` is this user's, and neither it nor a directory on the way to it can be written by others.
fn belongs_to(dir: &Path, user: u32) -> bool {
    let Ok(dir) = dir.canonicalize() else { return false };
    let is_closed = |place: &Path| place.metadata().is_ok_and(|about| about.mode() & 0o022 == 0);
    dir.metadata().is_ok_and(|about| about.uid() == user) && dir.ancestors().all(is_closed)
}

/// What became of a command that was to go through the socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No server serves there: whoever asks may open the store themselves.
    #[error("no server answers at {}", .0.display())]
    NobodyThere(PathBuf),
    /// The server did not do it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The socket is another user's, who is neither us nor root.
    #[error("{} is another user's socket; run this as the user that serves", .0.display())]
    Stranger(PathBuf),
    /// The conversation broke off; whether it was done is unknown.
    #[error("the server did not answer")]
    Broken(#[from] io::Error),
}

/// Has the server that owns `dir` do `command`.
///
/// # Errors
///
/// [`CallError::NobodyThere`] if no server does; anything else is its answer, or the lack of one.
pub async fn call(dir: &Path, command: &Command) -> Result<Value, CallError> {
    let path = path_in(dir);
    judge_length(&path)?;
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Err(CallError::NobodyThere(path)),
        Err(error) => return Err(error.into()),
    };
    // Whoever answers is told passwords. In a directory that others may write, others could answer.
    if !may_be_told(dir, stream.peer_cred()?.uid()) {
        return Err(CallError::Stranger(path));
    }
    let mut line = serde_json::to_vec(command).map_err(io::Error::other)?;
    line.push(b'\n');
    let line = counterfoil_jose::Secret::new(line);
    stream.write_all(line.expose()).await?;
    let answer = line_of(&mut stream, LONGEST_ANSWER).await?;
    match serde_json::from_slice(&answer).map_err(io::Error::other)? {
        Answer::Done(value) => Ok(value),
        Answer::Refused(refused) => Err(refused.into()),
    }
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    const SERVICE: u32 = 54_321;
    const STRANGER: u32 = 54_322;

    #[test]
    fn root_and_we_ourselves_may_be_told_and_no_stranger() {
        let dir = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();

        assert!(may_be_told(dir.path(), own) && may_be_told(dir.path(), 0));
        assert!(!may_be_told(dir.path(), STRANGER));
        assert!(!may_be_told(Path::new("/nowhere"), STRANGER));
    }

    /// Root asks a service that runs as a user of its own.
    #[test]
    fn root_tells_the_owner_of_a_directory_that_nobody_else_can_put_there() {
        if !rustix::process::geteuid().is_root() {
            counterfoil_test_support::skip("only root can give a file to another user");
            return;
        }
        // Not below /tmp, where others may rename what is theirs.
        let dir = tempfile::tempdir_in("/var/lib").unwrap();
        let mode = |mode| set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
        chown(dir.path(), Some(SERVICE), None).unwrap();

        for (bits, is_closed) in [(0o700, true), (0o755, true), (0o775, false), (0o707, false)] {
            mode(bits);
            assert_eq!(may_be_told(dir.path(), SERVICE), is_closed, "{bits:o}");
            assert!(!may_be_told(dir.path(), STRANGER), "{bits:o}");
        }
        let open = tempfile::tempdir_in("/tmp").unwrap();
        chown(open.path(), Some(SERVICE), None).unwrap();
        assert!(!may_be_told(open.path(), SERVICE), "others may write above it");
    }
}
