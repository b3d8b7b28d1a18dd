//! The database servers of a run, filled with sessions: SQLite files, PostgreSQL databases and Redis servers.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use counterfoil_test_support::{PostgresServer, RedisServer};
use tempfile::TempDir;

use crate::fill_store::{fill_database, fill_store};

/// Everything that the measured servers use.
pub(crate) struct Installation {
    pub(crate) dir: TempDir,
    pub(crate) postgres: PostgresServer,
    /// The filled database, which others are copies of.
    filled: String,
    /// The tokens of the sessions in each database.
    pub(crate) tokens: Vec<String>,
    /// Before the database of the server that has its sessions in memory.
    pub(crate) warm_cache: Cache,
    /// Before the database of the server that reads each session from Redis.
    pub(crate) cold_cache: Cache,
    /// Before the database of two nodes.
    pub(crate) shared_cache: Cache,
    pub(crate) express_sessions: Cache,
    pub(crate) tower_sessions: Cache,
}

impl Installation {
    /// Starts the database servers, and fills a database with so many sessions.
    pub(crate) fn start(sessions: usize) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("counterfoil-bench-").tempdir()?;
        let postgres = PostgresServer::own().context("PostgreSQL is not installed")?;
        eprintln!("filling a database with {sessions} sessions");
        let filled = postgres.new_database();
        let tokens = fill_database(&filled, sessions)?;
        postgres.sql(&filled, "VACUUM ANALYZE");
        Ok(Self {
            dir,
            postgres,
            filled,
            tokens,
            warm_cache: Cache::start()?,
            cold_cache: Cache::start()?,
            shared_cache: Cache::start()?,
            express_sessions: Cache::start()?,
            tower_sessions: Cache::start()?,
        })
    }

    /// A copy of the filled database, as a URL.
    pub(crate) fn copy_database(&self, name: &str) -> String {
        let template = self.postgres.sql(&self.filled, "SELECT current_database()");
        self.postgres.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.postgres.url(name)
    }

    /// A filled SQLite file, and its tokens.
    pub(crate) fn filled_file(&self, name: &str) -> Result<(PathBuf, Vec<String>)> {
        let folder = self.dir.path().join(name);
        std::fs::create_dir(&folder)?;
        let file = folder.join("counterfoil.db");
        let tokens = fill_store(&file, self.tokens.len(), 1)?;
        Ok((file, tokens))
    }
}

/// A Redis server, and how much memory it took when it was empty.
pub(crate) struct Cache {
    server: RedisServer,
    empty: u64,
}

impl Cache {
    fn start() -> Result<Self> {
        let server = RedisServer::start("").context("Redis is not installed")?;
        let empty = server.info("used_memory");
        Ok(Self { server, empty })
    }

    /// The URL.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// The memory that each key takes.
    pub(crate) fn bytes_per_key(&self) -> f64 {
        let keys: f64 = self.server.cli(&["dbsize"]).parse().unwrap_or(f64::NAN);
        self.server.info("used_memory").saturating_sub(self.empty) as f64 / keys
    }
}
