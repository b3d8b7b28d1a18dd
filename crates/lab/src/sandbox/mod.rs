//! An installation for one act: a server with a temporary store, four services that verify its tokens in different ways, and
//! one clock for all of them, which can be advanced.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use counterfoil_load::rig::clock::LabClock;
use counterfoil_load::rig::follower::{Follower, Revocations, ServiceOptions};
use counterfoil_load::rig::server::{Hashing, MeasuredServer, ServerOptions};
use tempfile::TempDir;

use crate::error::LabError;
use crate::sandbox::proxy::Proxy;
use crate::scenario::trace::Place;

mod proxy;

/// The grace period of a refresh.
pub(crate) const REUSE_GRACE: Duration = Duration::from_secs(10);

/// An installation, whose store is removed when it is dropped.
pub(crate) struct Sandbox {
    pub(crate) clock: LabClock,
    pub(crate) issuer: SocketAddr,
    server: Option<MeasuredServer>,
    a: Follower,
    b: Follower,
    keys_only: Follower,
    guide: Follower,
    /// Between service B and the issuer.
    pub(crate) proxy: Proxy,
    dir: TempDir,
}

impl Sandbox {
    /// Starts everything, and waits until the services have the keys.
    pub(crate) fn start() -> Result<Self, LabError> {
        let dir = tempfile::Builder::new().prefix("counterfoil-lab-").tempdir();
        let dir = dir.map_err(LabError::io("create a temporary directory"))?;
        let clock = LabClock::default();
        let server = MeasuredServer::start(ServerOptions {
            dir: dir.path().to_owned(),
            hashing: Hashing::Default,
            is_pinned: false,
            reuse_grace: REUSE_GRACE,
            clock: clock.clone(),
            token_cache_size: 1_000,
        })?;
        let issuer = server.address;
        let proxy = Proxy::start(issuer)?;
        let service = |revocations, via, leeway| {
            let clock = clock.clone();
            Follower::start_with(ServiceOptions { issuer, revocations, via, leeway, clock })
        };
        let feed = || Revocations::Feed(server.verifier_key.clone());
        Ok(Self {
            a: service(feed(), None, None)?,
            b: service(feed(), Some(proxy.address), None)?,
            keys_only: service(Revocations::KeysOnly, None, None)?,
            guide: service(Revocations::KeysOnly, None, Some(Duration::ZERO))?,
            clock,
            issuer,
            server: Some(server),
            proxy,
            dir,
        })
    }

    /// The server.
    ///
    /// # Errors
    ///
    /// If it was stopped.
    pub(crate) fn server(&self) -> Result<&MeasuredServer, LabError> {
        self.server.as_ref().ok_or(LabError::timeout("the start of the measured server"))
    }

    /// Stops the server. The services remain.
    pub(crate) fn stop_server(&mut self) -> Result<(), LabError> {
        Ok(self.server.take().map_or(Ok(()), MeasuredServer::stop)?)
    }

    /// The size of its files in bytes.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let files = fs::read_dir(self.dir.path()).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }

    /// Where requests to `place` are sent.
    pub(crate) fn address(&self, place: Place) -> SocketAddr {
        match place {
            Place::A => self.a.address,
            Place::B => self.b.address,
            Place::KeysOnly => self.keys_only.address,
            Place::Guide => self.guide.address,
            Place::Issuer | Place::Client | Place::Thief | Place::Store => self.issuer,
        }
    }
}
