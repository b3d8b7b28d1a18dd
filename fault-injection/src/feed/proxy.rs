//! A TCP proxy between a verifier and the issuer that can cut the network in four ways.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It carries everything.
    Whole,
    /// It carries nothing, and no connection breaks.
    Stalled,
    /// It carries requests, and no responses.
    OneDirection,
    /// Connections break, and new ones are refused.
    Refused,
    /// The issuer's end of each connection is closed, and the verifier's end stays open and silent. So does a new one.
    HalfOpen,
}

impl Network {
    /// Every way to cut it.
    pub const CUTS: [Self; 4] = [Self::Stalled, Self::OneDirection, Self::Refused, Self::HalfOpen];

    /// The name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Stalled => "stalling proxy",
            Self::OneDirection => "one direction",
            Self::Refused => "dropped port",
            Self::HalfOpen => "half-open connections",
        }
    }
}

/// The way of the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToIssuer,
    ToVerifier,
}

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    network: watch::Sender<Network>,
    upstream: watch::Sender<SocketAddr>,
}

impl Proxy {
    /// Starts a proxy for the issuer at `upstream`.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start(upstream: SocketAddr) -> Result<Self> {
        let (network, network_changes) = watch::channel(Network::Whole);
        let (upstream, upstream_changes) = watch::channel(upstream);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                sender.send(listener.local_addr()?)?;
                accept(listener, network_changes, upstream_changes).await
            })
        });
        let address = receiver.recv().context("the proxy does not listen")?;
        Ok(Self { address, network, upstream })
    }

    /// Changes the network.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// The issuer has another address.
    pub fn set_upstream(&self, address: SocketAddr) {
        self.upstream.send_replace(address);
    }
}

async fn accept(
    listener: TcpListener,
    mut network: watch::Receiver<Network>,
    upstream: watch::Receiver<SocketAddr>,
) -> Result<()> {
    let address = listener.local_addr()?;
    let mut listener = Some(listener);
    loop {
        let now = *network.borrow_and_update();
        match (&listener, now) {
            (Some(_), Network::Refused) => listener = None,
            (None, Network::Refused) => network.changed().await?,
            (None, _) => listener = Some(TcpListener::bind(address).await?),
            (Some(open), _) => tokio::select! {
                // The proxy was dropped.
                changed = network.changed() => changed?,
                accepted = open.accept() => {
                    let (stream, _) = accepted?;
                    tokio::spawn(serve(stream, network.clone(), upstream.clone()));
                }
            },
        }
    }
}

/// Serves a connection until one of its ends closes it, or the network breaks it.
async fn serve(
    mut client: TcpStream,
    mut network: watch::Receiver<Network>,
    upstream: watch::Receiver<SocketAddr>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    {
        let (mut broken, mut half_open) = (network.clone(), network.clone());
        let carry = async {
            let is_carried = |network: &Network| matches!(network, Network::Whole | Network::OneDirection);
            if network.wait_for(is_carried).await.is_err() {
                return;
            }
            let address = *upstream.borrow();
            let Ok(mut issuer) = TcpStream::connect(address).await else { return };
            let _ = issuer.set_nodelay(true);
            let (from_client, to_client) = client.split();
            let (from_issuer, to_issuer) = issuer.split();
            tokio::select! {
                _ = copy(from_client, to_issuer, Direction::ToIssuer, network.clone()) => {}
                _ = copy(from_issuer, to_client, Direction::ToVerifier, network.clone()) => {}
            }
        };
        tokio::select! {
            () = carry => return Ok(()),
            _ = broken.wait_for(|network| *network == Network::Refused) => return Ok(()),
            _ = half_open.wait_for(|network| *network == Network::HalfOpen) => {}
        }
    }
    // What the client sends is read and forgotten, until it gives up.
    let mut buffer = [0; 4096];
    while client.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    mut network: watch::Receiver<Network>,
) -> io::Result<()> {
    let is_carried = move |network: &Network| match network {
        Network::Stalled => false,
        Network::OneDirection => direction == Direction::ToIssuer,
        Network::Whole | Network::Refused | Network::HalfOpen => true,
    };
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if network.wait_for(is_carried).await.is_err() {
            // The proxy was dropped; the runtime ends soon.
            sleep(Duration::from_millis(1)).await;
            return Ok(());
        }
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}
