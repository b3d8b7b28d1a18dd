//! Serves a router on loopback, as an application does that is built on axum.

use std::future::IntoFuture as _;
use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::error::LoadError;

/// A listener on a free port.
pub(super) async fn bind() -> Result<(TcpListener, SocketAddr), LoadError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(LoadError::io("listen on loopback"))?;
    let address = listener.local_addr().map_err(LoadError::io("listen on loopback"))?;
    Ok((listener, address))
}

/// Serves it until `stopped`. The server and the services have the same kind of router here, so that the program contains one
/// HTTP server of axum and not two.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stopped: oneshot::Receiver<()>,
) -> Result<(), LoadError> {
    // Without it a small response may wait for the client's acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = axum::serve(listener, router).into_future() => served.map_err(LoadError::io("serve")),
        _ = stopped => Ok(()),
    }
}
