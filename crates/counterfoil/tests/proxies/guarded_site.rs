//! An application, Counterfoil and a proxy in front of both, on one host.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use counterfoil::operator::{Command, UserChangeRequest};
use counterfoil_test_support::{ProxyKind, ProxyProcess, ProxySetup};

use crate::application::Application;
use crate::counted_connections::CountedConnections;
use crate::curl::{Curl, HOST, OTHER_HOST};
use crate::free_address::free_address;
use crate::kind::program_of;
use crate::test_server::{TestServer, text};

/// Far longer than a proxy needs to read its configuration.
const DEADLINE: Duration = Duration::from_secs(30);

/// A site behind a proxy.
pub(crate) struct GuardedSite {
    pub(crate) server: TestServer,
    /// Those of the proxy to Counterfoil.
    pub(crate) connections: CountedConnections,
    pub(crate) application: Application,
    pub(crate) address: SocketAddr,
    pub(crate) proxy: ProxyProcess,
}

impl GuardedSite {
    /// Starts everything. `None` if the proxy is not installed: the test is skipped.
    pub(crate) async fn start(kind: ProxyKind, requirements: &str) -> Option<Self> {
        let address = free_address();
        Self::start_for(kind, address, &format!("https://{HOST}:{}", address.port()), requirements).await
    }

    /// As [`start`](Self::start), for an issuer at another host.
    pub(crate) async fn start_for_other_issuer(kind: ProxyKind, issuer: &str) -> Option<Self> {
        Self::start_for(kind, free_address(), issuer, "-").await
    }

    async fn start_for(
        kind: ProxyKind,
        address: SocketAddr,
        issuer: &str,
        requirements: &str,
    ) -> Option<Self> {
        let program = program_of(kind)?;
        let application = Application::start().await;
        let server = TestServer::with(|settings| {
            settings.issuer = issuer.parse().unwrap();
            settings.login_url = Some(format!("{issuer}/login").parse().unwrap());
            let own = format!("{HOST}:{}", address.port());
            settings.forward_auth.hosts = vec![own.parse().unwrap(), OTHER_HOST.parse().unwrap()];
            settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        })
        .await;
        let connections = CountedConnections::to(server.address).await;
        let setup = ProxySetup {
            proxy: address,
            counterfoil: connections.address,
            application: application.address,
            host: HOST,
            requirements: Some(requirements),
            has_tls: true,
        };
        let proxy = ProxyProcess::start(kind, &program, &setup).unwrap();
        // Some of them accept connections before they have read their configuration.
        let started = Instant::now();
        while Curl::get("/").try_send(address).await.is_none_or(|answer| answer.status != 401) {
            assert!(started.elapsed() < DEADLINE, "{kind:?} does not guard the application: {}", proxy.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(Self { server, connections, application, address, proxy })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.server.origin
    }

    /// A session token of a new user with these roles.
    pub(crate) async fn log_in(&self, name: &str, roles: &[&str]) -> String {
        self.server.register(name).await;
        let roles = Some(roles.iter().map(|role| (*role).to_owned()).collect());
        let change = UserChangeRequest { roles, ..Default::default() };
        self.server.app.administer(Command::UserChange { user: name.to_owned(), change }).await.unwrap();
        text(&self.server.login(name, "session").await, "session_token").to_owned()
    }
}
