//! Sends administrative commands to a running server through its admin socket.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use counterfoil_files::path_hint;
use counterfoil_jose::Secret;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::admin::socket::{Reply, read_line};
use crate::admin::socket_address::{SocketAddress, socket_path};
use crate::admin::{AdminError, Command};

/// The most bytes of a reply: a page of 1000 users with the longest names.
const MAX_REPLY_LENGTH: u64 = 16 * 1024 * 1024;
/// How long a connection waits for a place in the queue of the socket.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time between two attempts to get one.
const CONNECT_INTERVAL: Duration = Duration::from_millis(5);
/// How long the caller waits for a server that is silent.
const PATIENCE: Patience = Patience { silence: Duration::from_secs(10), sign: Duration::from_secs(10) };

/// How long the caller waits for a server that is silent. A command may take long, as a backup does; a server that is stopped
/// would let the caller wait for ever.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// After this time without a reply the server is asked for a sign of life.
    silence: Duration,
    /// How long that may take.
    sign: Duration,
}

/// A command that was sent to a server has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No server is running. The caller may open the store itself.
    #[error("no server answers at {}", .0.display())]
    NoServer(PathBuf),
    /// The server did not execute the command.
    #[error(transparent)]
    Failed(#[from] AdminError),
    /// The socket belongs to another user, who could read the secrets in a command.
    #[error("{} belongs to another user; run this command as the user that runs the server", .0.display())]
    WrongOwner(PathBuf),
    /// It cannot be determined whether a server is running, because the socket cannot be reached.
    #[error("cannot connect to the server at {}", path.display())]
    NotConnected {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The server accepts connections, and answers neither the command nor a second one. Whether it will execute the command is
    /// unknown.
    #[error("the server at {} has not answered for {} s", path.display(), waited.as_secs())]
    NotAnswering {
        /// The socket.
        path: PathBuf,
        /// For how long it has been silent.
        waited: Duration,
    },
    /// The connection failed. Whether the command was executed is unknown.
    #[error("the server did not answer")]
    Io(#[from] io::Error),
}

impl CallError {
    /// What to do about it, if anything can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Failed(error) => error.hint.clone(),
            Self::NotConnected { path, source } => path_hint(path, source),
            Self::NotAnswering { .. } => Some(
                "its process may be stopped or overloaded; it may execute the command when it runs again"
                    .to_owned(),
            ),
            Self::Io(_) => Some("see the log of the server; it may have executed the command".to_owned()),
            Self::NoServer(_) | Self::WrongOwner(_) => None,
        }
    }
}

/// Has the server with the data directory `dir` execute `command`, and returns its answer.
///
/// # Errors
///
/// [`CallError::NoServer`] if none is running; otherwise the server's error, or that it did not answer. A server that gives no
/// sign of life for 20 seconds is [`CallError::NotAnswering`].
pub async fn call(dir: &Path, command: &Command) -> Result<Value, CallError> {
    call_with(PATIENCE, dir, command).await
}

async fn call_with(patience: Patience, dir: &Path, command: &Command) -> Result<Value, CallError> {
    let Patience { silence, sign } = patience;
    // The server answers it from memory, also while other commands wait.
    let sign_of_life = Command::FleetWaits {};
    let mut reply = pin!(send(dir, command));
    loop {
        if let Ok(reply) = timeout(silence, &mut reply).await {
            return reply;
        }
        let until = Instant::now() + sign;
        let is_alive = tokio::select! {
            reply = &mut reply => return reply,
            answered = timeout_at(until, send(dir, &sign_of_life)) =>
                matches!(answered, Ok(Ok(_) | Err(CallError::Failed(_)))),
        };
        if !is_alive {
            // A server that shuts down accepts no connection, and may still answer.
            return timeout_at(until, &mut reply).await.unwrap_or_else(|_| {
                Err(CallError::NotAnswering { path: socket_path(dir), waited: silence + sign })
            });
        }
    }
}

/// Sends the command and waits for its reply, however long it takes.
async fn send(dir: &Path, command: &Command) -> Result<Value, CallError> {
    let path = socket_path(dir);
    let mut stream = match connect(dir).await {
        Ok(stream) => stream,
        Err(error) if is_no_server(&error) => return Err(CallError::NoServer(path)),
        Err(source) => return Err(CallError::NotConnected { path, source }),
    };
    // Commands contain passwords. In a directory that other users can write, one of them may have placed the
    // socket.
    if !is_trusted_server(dir, stream.peer_cred()?.uid()) {
        return Err(CallError::WrongOwner(path));
    }
    let mut line = serde_json::to_vec(command).map_err(io::Error::other)?;
    line.push(b'\n');
    let line = Secret::new(line);
    stream.write_all(line.expose()).await?;
    let reply = read_line(&mut stream, MAX_REPLY_LENGTH).await?;
    match serde_json::from_slice(&reply).map_err(io::Error::other)? {
        Reply::Ok(value) => Ok(value),
        Reply::Error(error) => Err(error.into()),
    }
}

/// Connects to the socket in `dir`. A link is not followed: it could lead to the socket of a service of root.
async fn connect(dir: &Path) -> io::Result<UnixStream> {
    if !socket_path(dir).symlink_metadata()?.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the admin socket is not a socket"));
    }
    let address = SocketAddress::new(dir)?;
    let connecting = async {
        loop {
            match UnixStream::connect(address.path()).await {
                // Too many others wait to be accepted: a socket that blocks would wait too.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(CONNECT_INTERVAL).await,
                connected => return connected,
            }
        }
    };
    timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|elapsed| Err(elapsed.into()))
}

fn is_no_server(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Whether the user `peer` of the answering process is root or the current user. Root also trusts the user of
/// a service whose data directory no other user can replace.
fn is_trusted_server(dir: &Path, peer: u32) -> bool {
    let current = rustix::process::geteuid().as_raw();
    peer == 0 || peer == current || (current == 0 && is_controlled_by(dir, peer))
}

/// Whether `dir` belongs to `user`, and neither it nor a directory above it can be written by group or
/// others.
fn is_controlled_by(dir: &Path, user: u32) -> bool {
    let Ok(dir) = dir.canonicalize() else { return false };
    let is_protected = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.mode() & 0o022 == 0);
    dir.metadata().is_ok_and(|metadata| metadata.uid() == user) && dir.ancestors().all(is_protected)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::os::unix::net::UnixListener;

    use counterfoil_test_support::skip;

    use super::*;

    const SERVICE: u32 = 54_321;
    const OTHER: u32 = 54_322;

    /// The queue has a limit of the system (`net.core.somaxconn`), which the clients of one user can reach.
    #[tokio::test]
    async fn a_connection_waits_for_a_place_in_a_full_queue() {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(socket_path(dir.path())).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let waiting = UnixStream::connect(socket_path(dir.path())).await.unwrap();
        let refused = UnixStream::connect(socket_path(dir.path())).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock, "the queue is full");

        let mut connecting = Box::pin(connect(dir.path()));
        let early = timeout(Duration::from_millis(50), &mut connecting).await;
        assert!(early.is_err(), "{early:?}");
        drop(waiting);
        listener.accept().unwrap();

        assert!(connecting.await.is_ok());
    }

    /// Answers each command at once, but for that of the first connection, which it answers after `delay`; never without one.
    fn slow_server(dir: &Path, delay: Option<Duration>) {
        let listener = tokio::net::UnixListener::bind(socket_path(dir)).unwrap();
        tokio::spawn(async move {
            let mut is_first = true;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let wait = if std::mem::take(&mut is_first) { delay } else { delay.map(|_| Duration::ZERO) };
                tokio::spawn(async move {
                    let _ = read_line(&mut stream, 1024).await;
                    sleep(wait.unwrap_or(Duration::MAX)).await;
                    let _ = stream.write_all(b"{\"ok\":[]}\n").await;
                });
            }
        });
    }

    #[tokio::test]
    async fn a_server_that_gives_no_sign_of_life_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        slow_server(dir.path(), None);
        let patience = Patience { silence: Duration::from_millis(50), sign: Duration::from_millis(100) };

        let called = call_with(patience, dir.path(), &Command::Status {}).await;

        let error = called.unwrap_err();
        assert!(
            matches!(error, CallError::NotAnswering { waited, .. } if waited.as_millis() == 150),
            "{error}"
        );
        assert!(error.hint().is_some());
    }

    #[tokio::test]
    async fn a_server_that_accepts_no_second_connection_gives_no_sign_of_life_and_may_still_answer() {
        for (delay, is_answered) in [(Duration::from_millis(200), true), (Duration::MAX, false)] {
            let dir = tempfile::tempdir().unwrap();
            let listener = tokio::net::UnixListener::bind(socket_path(dir.path())).unwrap();
            let path = socket_path(dir.path());
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                drop(listener);
                std::fs::remove_file(path).unwrap();
                let _ = read_line(&mut stream, 1024).await;
                sleep(delay).await;
                let _ = stream.write_all(b"{\"ok\":[]}\n").await;
            });
            let patience = Patience { silence: Duration::from_millis(50), sign: Duration::from_secs(2) };

            let called = call_with(patience, dir.path(), &Command::Status {}).await;

            assert_eq!(called.is_ok(), is_answered, "{called:?}");
        }
    }

    #[tokio::test]
    async fn a_command_may_take_long_if_the_server_is_alive() {
        let dir = tempfile::tempdir().unwrap();
        slow_server(dir.path(), Some(Duration::from_millis(500)));
        let patience = Patience { silence: Duration::from_millis(50), sign: Duration::from_secs(60) };

        let called = call_with(patience, dir.path(), &Command::Status {}).await;

        assert_eq!(called.unwrap(), serde_json::json!([]));
    }

    #[test]
    fn secrets_are_sent_to_root_and_the_current_user_only() {
        let dir = tempfile::tempdir().unwrap();
        let current = rustix::process::geteuid().as_raw();

        assert!(is_trusted_server(dir.path(), current) && is_trusted_server(dir.path(), 0));
        assert!(!is_trusted_server(dir.path(), OTHER));
        assert!(!is_trusted_server(Path::new("/nowhere"), OTHER));
    }

    #[test]
    fn root_sends_secrets_to_a_service_whose_directory_no_other_user_can_replace() {
        if !rustix::process::geteuid().is_root() {
            return skip("only root can change the owner of a file");
        }
        // Not below /tmp, where other users may rename their own directories.
        let dir = tempfile::tempdir_in("/var/lib").unwrap();
        let mode = |mode| set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
        chown(dir.path(), Some(SERVICE), None).unwrap();

        for (bits, is_protected) in [(0o700, true), (0o755, true), (0o775, false), (0o707, false)] {
            mode(bits);
            assert_eq!(is_trusted_server(dir.path(), SERVICE), is_protected, "{bits:o}");
            assert!(!is_trusted_server(dir.path(), OTHER), "{bits:o}");
        }
        let in_tmp = tempfile::tempdir_in("/tmp").unwrap();
        chown(in_tmp.path(), Some(SERVICE), None).unwrap();
        assert!(!is_trusted_server(in_tmp.path(), SERVICE), "other users can write the directory above it");
    }
}
