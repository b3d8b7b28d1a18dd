//! The admin socket `DIR/admin.sock` of a running server, for the user of the server and root.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::admin::socket_address::{SocketAddress, socket_path};
use crate::admin::{AdminError, Command};
use crate::app::App;
use crate::limits::connection_activity::ConnectionActivity;
use crate::limits::connections::ConnectionLimiter;
use crate::runtime::spare_descriptor::{SpareDescriptor, is_connection_error};
use crate::settings::limits::Limits;

/// The most bytes of a command.
const MAX_COMMAND_LENGTH: u64 = 64 * 1024;
/// How long a client may take to send its command.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The most connections at a time.
const MAX_CONNECTIONS: usize = 128;
/// The most commands that are executed at the same time; others wait.
const MAX_COMMANDS: usize = 16;
/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long the loop waits at most for the end of a connection, when it has no file descriptor for another.
const MAX_WAIT_FOR_DESCRIPTOR: Duration = Duration::from_millis(10);

/// The listening socket. Its file is deleted when it is dropped.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    /// The device and the inode of its file.
    identity: (u64, u64),
}

/// The answer to a command, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Ok(Value),
    Error(AdminError),
}

impl AdminSocket {
    /// Creates the socket in `dir`; it has mode 0600 from the beginning. The socket of a server that has ended is
    /// replaced. The caller must hold the lock of the store.
    ///
    /// # Errors
    ///
    /// If another server answers at the socket, something else has its name, or the system refuses.
    pub fn bind(dir: &Path) -> io::Result<Self> {
        let path = socket_path(dir);
        let address = SocketAddress::new(dir)?;
        if StdStream::connect(address.path()).is_ok() {
            let error = format!("another server answers at {}", path.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, error));
        }
        remove_stale_socket(&path)?;
        let listener = UnixListener::from_std(bind_private(address.path())?)?;
        let metadata = path.symlink_metadata()?;
        Ok(Self { listener, path, identity: (metadata.dev(), metadata.ino()) })
    }

    /// Executes commands until it is cancelled. If all connections are in use, a new one takes the place of the oldest
    /// that has sent no command.
    pub async fn serve(self, app: App) {
        let limits = Limits::default().with(|limits| limits.max_connections = MAX_CONNECTIONS);
        let limiter = ConnectionLimiter::new(limits, 0, Vec::new());
        let (mut connections, mut spare) = (JoinSet::new(), SpareDescriptor::new());
        let commands = Arc::new(Semaphore::new(MAX_COMMANDS));
        loop {
            tokio::select! {
                biased;
                Some(_) = connections.join_next() => { spare.restore(); }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        start((&app, &commands), &limiter, &mut connections, stream);
                        spare.restore();
                    }
                    Err(error) if is_connection_error(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "a connection to the admin socket was not accepted");
                        let has_room = limiter.make_room() && spare.release();
                        if !has_room {
                            tokio::time::sleep(MAX_WAIT_FOR_DESCRIPTOR).await;
                        }
                    }
                },
            }
        }
    }
}

/// Executes the command of a connection in a task of its own. If commands of all connections are being executed, it
/// answers with an error.
fn start(
    (app, commands): (&App, &Arc<Semaphore>),
    limiter: &ConnectionLimiter,
    connections: &mut JoinSet<()>,
    stream: UnixStream,
) {
    let uid = stream.peer_cred().map_or(u32::MAX, |peer| peer.uid());
    let Some(permit) = limiter.acquire_local(uid) else {
        let error = AdminError::new("the server is executing too many commands").hint("try again later");
        // It fits into the empty buffer of the new connection, so nothing waits.
        let _ = encode(Reply::Error(error)).map(|line| stream.try_write(&line));
        return;
    };
    let (app, commands, activity) = (app.clone(), Arc::clone(commands), permit.activity());
    let task = connections.spawn(async move {
        let activity = permit.activity();
        activity.limit_admission(serve_connection((&app, &commands), stream, &activity)).await;
        drop(permit);
    });
    activity.set_task(task);
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let found = self.path.symlink_metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        if found.is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds a listening socket with mode 0600.
fn bind_private(path: &Path) -> io::Result<StdListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Before it has a name: Linux gives the file the mode of the socket, so that at no moment another user can connect.
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Removes the socket that an interrupted server has left. Anything else at the path stays.
fn remove_stale_socket(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => {
            let error = format!("{} is not a socket, and was not replaced", path.display());
            Err(io::Error::new(io::ErrorKind::AlreadyExists, error))
        }
    }
}

async fn serve_connection(app: (&App, &Semaphore), stream: UnixStream, activity: &Arc<ConnectionActivity>) {
    if let Err(error) = answer_one_command(app, stream, activity).await {
        tracing::warn!(%error, "an administrative command was not read or answered");
    }
}

/// Reads one line with a command, and writes one line with its reply.
async fn answer_one_command(
    (app, commands): (&App, &Semaphore),
    mut stream: UnixStream,
    activity: &Arc<ConnectionActivity>,
) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        let error = format!("user {peer} does not run this server");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, error));
    }
    let command = tokio::time::timeout(READ_TIMEOUT, read_line(&mut stream, MAX_COMMAND_LENGTH)).await;
    let _in_progress = activity.start_request();
    let result = match command {
        Err(_) => Err(AdminError::new("the command was not received in time")),
        Ok(line) => match serde_json::from_slice::<Command>(&line?) {
            // A sign of life, from memory alone: it does not wait for the commands of others.
            Ok(command @ Command::FleetWaits {}) => app.administer(command).await,
            Ok(command) => {
                let _permit = commands.acquire().await.map_err(io::Error::other)?;
                app.administer(command).await
            }
            // The parse error is not shown: it would contain the text, which may be a password.
            Err(_) => Err(AdminError::new("the server does not know this command")
                .hint("use the command line of the same version as the server")),
        },
    };
    stream.write_all(&encode(result.map_or_else(Reply::Error, Reply::Ok))?).await?;
    stream.shutdown().await
}

/// A reply as one line.
fn encode(reply: Reply) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads one line of at most `max_length` bytes, and returns it without its end.
pub(super) async fn read_line(stream: &mut UnixStream, max_length: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(stream.take(max_length)).read_until(b'\n', &mut line).await?;
    match line.pop() {
        Some(b'\n') => Ok(line),
        Some(_) | None => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long or has no end"))
        }
    }
}
