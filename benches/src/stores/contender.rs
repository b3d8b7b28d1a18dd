//! The measured servers, each with the requests that present its sessions.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;
use counterfoil_load::client::requests::{RequestCycle, get};

use crate::seed::log_in;
use crate::server_process::ServerProcess;
use crate::stores::databases::{Cache, Installation};
use crate::stores::options::Options;

/// The rows that others are compared with.
pub(crate) const BARE: &str = "bare axum route";
pub(crate) const SQLITE_FILE: &str = "SQLite, from the file";
pub(crate) const WITH_REDIS: &str = "PostgreSQL and Redis, in memory";
pub(crate) const FROM_REDIS: &str = "PostgreSQL and Redis, from Redis";
pub(crate) const TOWER_REDIS: &str = "tower-sessions, Redis";
pub(crate) const TOWER_SQLITE: &str = "tower-sessions, SQLite";
pub(crate) const EXPRESS: &str = "express-session, Redis";

/// The option of a server whose memory holds next to nothing of the sessions, so that each request misses it.
const COLD: [&str; 2] = ["--session-cache-size", "0"];

/// A measured server.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) process: ServerProcess,
    pub(crate) requests: RequestCycle,
    /// Whether it writes, once a minute, when a session was last seen, and holds copies of sessions that have to be there
    /// before the measurement.
    is_warmed_up: bool,
}

impl Contender {
    fn new(
        name: &'static str,
        process: ServerProcess,
        path: &str,
        (cookie, tokens): (&str, &[String]),
    ) -> Self {
        let request = |token| get(process.address, path, &format!("cookie: {cookie}={token}"));
        let requests = RequestCycle::endless(tokens.iter().map(request).collect());
        Self { name, process, requests, is_warmed_up: false }
    }

    /// One of our servers.
    fn ours(name: &'static str, options: &[OsString], tokens: &[String]) -> Result<Self> {
        let options: Vec<_> = options.iter().map(OsString::as_os_str).collect();
        let process = ServerProcess::start(&options)?;
        let contender = Self::new(name, process, "/protected", ("counterfoil-session", tokens));
        Ok(Self { is_warmed_up: true, ..contender })
    }

    /// Another server, which is logged in to as often as there are sessions elsewhere.
    pub(crate) fn other(name: &'static str, command: Command, cookie: &str, sessions: usize) -> Result<Self> {
        eprintln!("logging in {sessions} times: {name}");
        let process = ServerProcess::start_other(command)?;
        let tokens = log_in(process.address, "session", "session_token", sessions)?;
        Ok(Self::new(name, process, "/protected", (cookie, &tokens)))
    }

    /// Presents every session once, if the server remembers them.
    pub(crate) fn prepare(&mut self) -> Result<()> {
        if self.is_warmed_up { self.process.warm_up(&mut self.requests) } else { Ok(()) }
    }
}

/// Starts the servers of every row but the two nodes.
pub(crate) fn start_all(installation: &Installation) -> Result<Vec<Contender>> {
    let tokens = &installation.tokens;
    let (warm_file, warm_tokens) = installation.filled_file("warm")?;
    let (cold_file, cold_tokens) = installation.filled_file("cold")?;
    let of_file = |file: &std::path::Path| vec!["--store".into(), file.into()];
    let of_database = |name: &str| vec!["--database".into(), installation.copy_database(name).into()];
    let with_cache = |name: &str, cache: &Cache| [of_database(name), cache_option(cache)].concat();
    let cold = |options: Vec<OsString>| [options, COLD.map(OsString::from).to_vec()].concat();

    let in_memory = Contender::ours("SQLite, in memory", &of_file(&warm_file), &warm_tokens)?;
    let bare = ServerProcess::start(&[])?;
    Ok(vec![
        Contender::new(BARE, bare, "/bare", ("counterfoil-session", tokens)),
        in_memory,
        Contender::ours(SQLITE_FILE, &cold(of_file(&cold_file)), &cold_tokens)?,
        Contender::ours("PostgreSQL, in memory", &of_database("warm"), tokens)?,
        Contender::ours("PostgreSQL, from the database", &cold(of_database("cold")), tokens)?,
        Contender::ours(WITH_REDIS, &with_cache("warm_cache", &installation.warm_cache), tokens)?,
        Contender::ours(FROM_REDIS, &cold(with_cache("cold_cache", &installation.cold_cache)), tokens)?,
    ])
}

/// Starts the servers of others, and logs in.
pub(crate) fn start_others(installation: &Installation, options: &Options) -> Result<Vec<Contender>> {
    let tower = |store: OsString| {
        let mut command = Command::new(&options.baselines);
        command.arg("sessions").arg(store);
        command
    };
    let file = installation.dir.path().join("tower-sessions.db");
    let mut express = Command::new("node");
    express.arg(options.express.join("sessions.cjs")).arg(installation.express_sessions.url());
    express.env("NODE_ENV", "production");
    let sessions = options.credentials;
    Ok(vec![
        Contender::other(TOWER_REDIS, tower(installation.tower_sessions.url().into()), "id", sessions)?,
        Contender::other(TOWER_SQLITE, tower(file.into()), "id", sessions)?,
        Contender::other(EXPRESS, express, "connect.sid", sessions)?,
    ])
}

/// Starts two nodes on one database, with one Redis server.
pub(crate) fn start_two_nodes(installation: &Installation) -> Result<[Contender; 2]> {
    let database = installation.copy_database("nodes");
    let options =
        [vec!["--database".into(), database.into()], cache_option(&installation.shared_cache)].concat();
    let start = |name| Contender::ours(name, &options, &installation.tokens);
    Ok([start("one of two nodes")?, start("the other node")?])
}

fn cache_option(cache: &Cache) -> Vec<OsString> {
    vec!["--cache".into(), cache.url().into()]
}
