//! Several nodes on one PostgreSQL database behind a load balancer.

use std::net::SocketAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use counterfoil_test_support::{PostgresServer, free_port};
use rustix::process::Signal;

use crate::check::ReuseGrace;
use crate::http::{Request, send};
use crate::nodes::load_balancer::{Kind, LoadBalancer, Timing};
use crate::program::{LaunchConfig, Program, StartResult};
use crate::server::Server;

/// How long a node may take to stop after its delay, or to become ready.
const TIMEOUT: Duration = Duration::from_secs(30);

/// After this time each node has read the log again, also without an announcement.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// How nodes and load balancer are set.
#[derive(Debug, Clone, Copy)]
pub struct FleetOptions {
    /// The number of nodes.
    pub nodes: usize,
    /// `shutdown_delay` of each node.
    pub shutdown_delay: Duration,
    /// What distributes the requests.
    pub balancer: Kind,
    /// The times in its configuration.
    pub timing: Timing,
}

impl FleetOptions {
    /// As docs/operations.md recommends.
    pub const RECOMMENDED: Self = Self {
        nodes: 3,
        shutdown_delay: Duration::from_secs(8),
        balancer: Kind::Nginx,
        timing: Timing { keepalive_timeout: Duration::from_secs(5), check_interval: Duration::from_secs(1) },
    };

    /// The same relations in a shorter time, with two nodes.
    pub const SHORT: Self = Self {
        nodes: 2,
        shutdown_delay: Duration::from_millis(2_000),
        balancer: Kind::Nginx,
        timing: Timing {
            keepalive_timeout: Duration::from_millis(800),
            check_interval: Duration::from_millis(500),
        },
    };
}

/// Running nodes and their load balancer. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Fleet {
    options: FleetOptions,
    configs: Vec<LaunchConfig>,
    nodes: Vec<Option<Server>>,
    /// The load balancer.
    pub balancer: LoadBalancer,
    /// The key with which the workload revokes.
    pub admin_key: String,
    database: DatabaseLifeline,
    url: String,
}

/// Keeps the database running.
struct DatabaseLifeline(PostgresServer);

impl std::fmt::Debug for DatabaseLifeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DatabaseLifeline").field(&self.0.pid()).finish()
    }
}

impl Fleet {
    /// Starts everything, with its files in `dir`.
    ///
    /// # Errors
    ///
    /// If PostgreSQL or the load balancer is not installed, or something does not start.
    pub fn start(program: &Program, dir: &Path, options: FleetOptions, grace: ReuseGrace) -> Result<Self> {
        let database = PostgresServer::own().context("PostgreSQL is not installed")?;
        ensure!(options.balancer.is_installed(), "{:?} is not installed", options.balancer);
        let url = database.new_database();
        let addresses: Vec<SocketAddr> =
            (0..options.nodes).map(|_| SocketAddr::from(([127, 0, 0, 1], free_port()))).collect();
        let key = dir.join("node-0").join("master-key");
        let config = |(number, address): (usize, &SocketAddr)| {
            let config = LaunchConfig::new(dir.join(format!("node-{number}")))
                .with_env("COUNTERFOIL_STORE", &url)
                .with_env("COUNTERFOIL_LISTEN", address.to_string())
                .with_env("COUNTERFOIL_TRUSTED_PROXIES", "127.0.0.1")
                .with_env("COUNTERFOIL_REFRESH_REUSE_GRACE", grace.setting())
                .with_env("COUNTERFOIL_SHUTDOWN_DELAY", format!("{}ms", options.shutdown_delay.as_millis()));
            // The first one makes the key.
            if number == 0 { config } else { config.with_env("COUNTERFOIL_MASTER_KEY_FILE", &key) }
        };
        let configs: Vec<_> = addresses.iter().enumerate().map(config).collect();
        let nodes = configs.iter().map(|config| program.start(config).map(Some)).collect::<Result<_>>()?;
        let admin_key = program.create_admin_key(&configs[0])?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let balancer = LoadBalancer::start(
            options.balancer,
            &dir.join("balancer"),
            address,
            &addresses,
            options.timing,
        )?;
        Ok(Self { options, configs, nodes, balancer, admin_key, database: DatabaseLifeline(database), url })
    }

    /// Executes SQL in the database of the nodes, and returns the rows.
    pub fn sql(&self, sql: &str) -> String {
        self.database.0.sql(&self.url, sql)
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Waits until each node knows what the others have committed, and returns the address of one that runs. A check asks one node:
    /// what it ends there is in force at once, and on the others some milliseconds later.
    ///
    /// # Errors
    ///
    /// If none runs.
    pub fn settled_node(&self) -> Result<SocketAddr> {
        sleep(SETTLE_TIME);
        Ok(self.nodes.iter().flatten().next().context("no node runs")?.address)
    }

    /// Stops a node with SIGTERM, and waits until it has ended. Returns how long that took.
    ///
    /// # Errors
    ///
    /// If it does not end, or with an error.
    pub fn stop(&mut self, node: usize) -> Result<Duration> {
        let server = self.nodes[node].take().context("the node runs")?;
        server.send_signal(Signal::TERM)?;
        let (status, elapsed) = server.wait_for_exit(self.options.shutdown_delay + TIMEOUT)?;
        ensure!(status.success(), "node {node} has ended with {status}");
        Ok(elapsed)
    }

    /// Kills a node.
    ///
    /// # Errors
    ///
    /// If the system call fails.
    pub fn kill(&mut self, node: usize) -> Result<()> {
        Ok(self.nodes[node].take().context("the node runs")?.kill()?)
    }

    /// Starts a node that has ended, with this program, which must refuse to. Returns what it wrote to standard error.
    ///
    /// # Errors
    ///
    /// If it serves.
    pub fn refused_restart(&self, node: usize, program: &Program) -> Result<String> {
        match program.try_start(&self.configs[node])? {
            StartResult::Serving(_) => bail!("node {node} serves"),
            StartResult::Exited { stderr, .. } => Ok(stderr),
        }
    }

    /// Starts a node that has ended, with this program, and returns when it is ready.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn restart(&mut self, node: usize, program: &Program) -> Result<()> {
        let server = program.start(&self.configs[node])?;
        let ready = send(server.address, &Request::get("/readyz"))?;
        ensure!(ready.status == 200, "node {node} is not ready: {}", ready.json());
        self.nodes[node] = Some(server);
        Ok(())
    }
}
