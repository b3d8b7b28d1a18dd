//! A PostgreSQL server of the tests' own, which ends with the process of the tests.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::authority::ServerCertificate;
use crate::redis::free_port;

/// The directories in which Debian installs PostgreSQL.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// Makes a cluster in a new directory, runs its server, and when its standard input is closed stops the server and deletes
/// the directory. So nothing stays behind, however the process of the tests ends. PostgreSQL refuses to run as root.
const SCRIPT: &str = r#"
set -eu
bin=$1 port=$2 certificate=$3 key=$4
dir=$(mktemp -d /tmp/counterfoil-postgres.XXXXXX)
run=""
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    run="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
chmod 755 "$dir"
cd "$dir"
trap 'test -z "${server:-}" || { kill -QUIT "$server" 2>/dev/null || true; wait "$server" || true; }; cd /; rm -rf "$dir"' EXIT
$run "$bin/initdb" --pgdata="$dir/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >"$dir/initdb.log"
cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
port = $port
unix_socket_directories = '$dir'
unix_socket_permissions = 0777
fsync = off
max_connections = 200
max_prepared_transactions = 0
log_min_messages = panic
CONF
if [ -n "$certificate" ]; then
    cp "$certificate" server.crt
    cp "$key" server.key
    chmod 600 server.key
    test -z "$run" || chown postgres server.crt server.key
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
ssl = on
ssl_cert_file = '$dir/server.crt'
ssl_key_file = '$dir/server.key'
CONF
fi
$run "$bin/postgres" -D "$dir/data" >"$dir/server.log" 2>&1 </dev/null &
server=$!
for attempt in $(seq 200); do
    if "$bin/pg_isready" --quiet --host="$dir" --port="$port"; then
        echo "$dir $server"
        break
    fi
    kill -0 "$server" || { cat "$dir/server.log" >&2; exit 1; }
    sleep 0.05
done
# Nothing is ever written: it waits for the end of the process of the tests.
cat >/dev/null
"#;

/// A running server.
pub struct PostgresServer {
    programs: PathBuf,
    socket_dir: PathBuf,
    port: u16,
    /// The process id of the server.
    pid: u32,
    databases: AtomicU32,
    _child: Child,
    /// When it is closed, the server ends.
    _lifeline: ChildStdin,
}

impl PostgresServer {
    /// Whether PostgreSQL is installed.
    pub fn is_installed() -> bool {
        programs().is_some()
    }

    /// The server that all tests of this process share. `None` if PostgreSQL is not installed.
    ///
    /// # Panics
    ///
    /// If it is installed and does not start.
    pub fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<PostgresServer>> = OnceLock::new();
        SERVER.get_or_init(|| programs().map(|programs| Self::start(programs, None))).as_ref()
    }

    /// A server of one test's own.
    ///
    /// # Panics
    ///
    /// As [`shared`](Self::shared).
    pub fn own() -> Option<Self> {
        programs().map(|programs| Self::start(programs, None))
    }

    /// A server of one test's own that listens on 127.0.0.1 as well, with TLS and this certificate: [`tls_url`](Self::tls_url).
    ///
    /// # Panics
    ///
    /// As [`shared`](Self::shared).
    pub fn with_tls(certificate: &ServerCertificate) -> Option<Self> {
        programs().map(|programs| Self::start(programs, Some((free_port(), certificate))))
    }

    /// The URL of a database at this host name of the machine.
    pub fn tls_url(&self, host: &str, database: &str) -> String {
        format!("postgres://postgres@{host}:{}/{database}", self.port)
    }

    /// Makes a server that was started with TLS use another certificate.
    ///
    /// # Panics
    ///
    /// If it cannot.
    pub fn replace_certificate(&self, certificate: &ServerCertificate) {
        for (from, to) in [(&certificate.certificate, "server.crt"), (&certificate.key, "server.key")] {
            // It keeps the owner and the mode of the file.
            let bytes = std::fs::read(from).expect("the file of a certificate");
            std::fs::write(self.socket_dir.join(to), bytes).expect("the file can be written");
        }
        self.sql("postgres", "SELECT pg_reload_conf()");
    }

    fn start(programs: PathBuf, tls: Option<(u16, &ServerCertificate)>) -> Self {
        let port = tls.as_ref().map_or(5432, |(port, _)| *port);
        let text = |path: &Path| path.display().to_string();
        let [certificate, key] =
            tls.map_or_else(Default::default, |(_, files)| [text(&files.certificate), text(&files.key)]);
        let mut child = Command::new("bash")
            .args(["-c", SCRIPT, "postgres-of-tests"])
            .arg(&programs)
            .args([port.to_string(), certificate, key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash can be started");
        let lifeline = child.stdin.take().expect("its input is a pipe");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output is a pipe");
        BufReader::new(output).read_line(&mut line).expect("its output can be read");
        let (socket_dir, pid) = line.trim().split_once(' ').expect("PostgreSQL has started");
        Self {
            programs,
            socket_dir: socket_dir.into(),
            port,
            pid: pid.parse().expect("a process id"),
            databases: AtomicU32::new(0),
            _child: child,
            _lifeline: lifeline,
        }
    }

    /// The directory of the socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Creates a database and returns its URL.
    ///
    /// # Panics
    ///
    /// If it cannot be created.
    pub fn new_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Creates a schema in the database of this URL, and returns the URL of the schema.
    ///
    /// # Panics
    ///
    /// If it cannot be created.
    pub fn new_schema(&self, database: &str) -> String {
        let name = format!("schema_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql(database, &format!("CREATE SCHEMA {name}"));
        format!("{database}?options=-csearch_path%3D{name}")
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        let host = self.socket_dir.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{host}:{}/{database}", self.port)
    }

    /// Executes SQL in a database, given by its name or URL; returns the rows, one a line, columns separated by `|`.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        let url = if database.contains("://") { database.to_owned() } else { self.url(database) };
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        let output = psql.args(["--command", sql]).arg(url).output().expect("psql can be started");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {errors}");
        String::from_utf8(output.stdout).expect("the database is in UTF-8").trim_end().to_owned()
    }
}

/// The programs of the newest version that is installed.
pub(crate) fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(PROGRAMS).ok()?;
    let versions = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let newest = versions.max()?;
    let bin = Path::new(PROGRAMS).join(newest.to_string()).join("bin");
    bin.join("initdb").is_file().then_some(bin)
}
