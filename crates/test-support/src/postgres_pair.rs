//! A PostgreSQL primary and its synchronous standby, which end with the process of the tests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::postgres::programs;

/// Makes a cluster and a standby of it that every commit waits for. It reads commands from its standard input: `kill` kills
/// the primary, `promote` promotes the standby, and `restart` starts the former primary again, as one that accepts writes. At
/// the end of its input it stops both and deletes the directory.
const SCRIPT: &str = r#"
set -eu
bin=$1
dir=$(mktemp -d /tmp/counterfoil-postgres.XXXXXX)
run=""
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    run="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
chmod 755 "$dir"
cd "$dir"
one="" two=""
stop() {
    for pid in $one $two; do kill -QUIT "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done
    cd /
    rm -rf "$dir"
}
trap stop EXIT
await() {
    for attempt in $(seq 400); do
        if [ "$($bin/psql -h "$dir/$1" -U postgres -d postgres -Atc "$2" 2>/dev/null)" = "$3" ]; then return; fi
        sleep 0.05
    done
    cat "$dir"/*.log >&2
    exit 1
}
$run mkdir "$dir/one" "$dir/two"
$run "$bin/initdb" --pgdata="$dir/data1" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >"$dir/initdb.log"
$run tee -a "$dir/data1/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$dir/one'
unix_socket_permissions = 0777
max_connections = 100
synchronous_standby_names = '*'
wal_receiver_status_interval = 1s
CONF
$run "$bin/postgres" -D "$dir/data1" >"$dir/one.log" 2>&1 </dev/null &
one=$!
await one 'SELECT 1' 1
$run "$bin/pg_basebackup" -h "$dir/one" -U postgres -D "$dir/data2" -R -X stream --checkpoint=fast --no-sync >"$dir/backup.log" 2>&1
$run tee -a "$dir/data2/postgresql.conf" >/dev/null <<CONF
unix_socket_directories = '$dir/two'
synchronous_standby_names = ''
CONF
$run "$bin/postgres" -D "$dir/data2" >"$dir/two.log" 2>&1 </dev/null &
two=$!
await one "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'" 1
echo "$dir"
while read -r command; do
    case $command in
        kill) kill -KILL "$one"; wait "$one" 2>/dev/null || true; one="" ;;
        promote) $run "$bin/pg_ctl" promote -D "$dir/data2" >"$dir/promote.log" ;;
        restart)
            # Its former processes have noticed by now.
            sleep 0.5
            $run "$bin/postgres" -D "$dir/data1" -c synchronous_standby_names= >"$dir/again.log" 2>&1 </dev/null &
            one=$!
            await one 'SELECT pg_is_in_recovery()' f ;;
    esac
    echo done
done
"#;

/// A primary and its synchronous standby.
pub struct PostgresPair {
    programs: PathBuf,
    dir: PathBuf,
    output: BufReader<ChildStdout>,
    /// When it is closed, both servers end.
    input: ChildStdin,
    _child: Child,
}

impl PostgresPair {
    /// Starts both. `None` if PostgreSQL is not installed.
    ///
    /// # Panics
    ///
    /// If it is installed and does not start.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        let mut child = Command::new("bash")
            .args(["-c", SCRIPT, "postgres-pair-of-tests"])
            .arg(&programs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash can be started");
        let input = child.stdin.take().expect("its input is a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("its output can be read");
        assert!(!line.is_empty(), "PostgreSQL has not started");
        Some(Self { programs, dir: line.trim().into(), output, input, _child: child })
    }

    /// The URL of a database with both hosts.
    pub fn url(&self, database: &str) -> String {
        let dir = self.dir.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{dir}%2Fone,{dir}%2Ftwo/{database}")
    }

    /// Kills the primary with SIGKILL.
    ///
    /// # Panics
    ///
    /// If it cannot be killed.
    pub fn kill_primary(&mut self) {
        self.command("kill");
    }

    /// Promotes the standby, and returns when it accepts writes.
    ///
    /// # Panics
    ///
    /// If it cannot be promoted.
    pub fn promote_standby(&mut self) {
        self.command("promote");
    }

    /// Starts the primary again that was killed, as one that waits for no standby.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart_former_primary(&mut self) {
        self.command("restart");
    }

    /// Executes SQL on the server `one`, the first primary, or `two`; returns the rows, one a line.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn sql(&self, server: &str, database: &str, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.arg("--host").arg(self.dir.join(server)).args(["--username=postgres", "--dbname", database]);
        let output = psql.args(["--command", sql]).output().expect("psql can be started");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the database is in UTF-8").trim_end().to_owned()
    }

    fn command(&mut self, command: &str) {
        writeln!(self.input, "{command}").expect("the script runs");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("its output can be read");
        assert_eq!(line, "done\n", "{command}");
    }
}
