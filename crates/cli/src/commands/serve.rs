//! `counterfoil serve`: the server.

use std::net::{SocketAddr, TcpListener};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use counterfoil::App;

use crate::configuration::warnings::unnamed_proxy;
use crate::configuration::{Configuration, preflight_errors};
use crate::fault::Fault;
use crate::printable::printable;
use crate::signals::Stop;

/// Serves until it is told to stop.
pub(crate) async fn run(common: &Configuration) -> Result<(), Fault> {
    // Validated before the port is bound; with port 0 the address is only known afterwards.
    let validated = common.settings(common.listen)?;
    let errors = preflight_errors(&validated);
    if !errors.is_empty() {
        return Err(Fault::all(errors));
    }
    let proxy = unnamed_proxy(common.listen.ip(), &validated);
    for warning in common.renamed_variables().iter().chain(&proxy) {
        tracing::warn!("{warning}; {}", warning.hint.as_deref().unwrap_or_default());
    }
    raise_open_files();
    let stop = Stop::listen()?;
    let (listener, address) = listen(common.listen)?;
    let watched = common.metrics_listen.map(listen).transpose()?;
    let settings = common.settings(address)?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let issuer = settings.issuer.as_str().to_owned();
    let app = App::open(settings).await?;

    let data = printable(&common.data_dir.to_string_lossy());
    let mut hello = format!("listening on {scheme}://{address}\nissuer {issuer}, data in {data}");
    if let Some((_, address)) = &watched {
        hello += &format!("\nmetrics on http://{address}/metrics");
    }
    let metrics = watched.map(|(listener, _)| tokio::spawn(show_metrics(app.clone(), listener)));
    let served = counterfoil::serve(app, listener, stop.asked_after(hello)).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    served.map_err(|error| Fault::because("the server ended", &error))
}

/// Serves the page of the metrics. Whoever watches would take its end for an end of the server: it is told.
async fn show_metrics(app: App, listener: TcpListener) {
    if let Err(error) = counterfoil::serve_metrics(app, listener).await {
        tracing::error!(%error, "the listener of the metrics ended");
    }
}

/// Takes as many open files as the system grants: each connection is one, and the usual soft limit is far below
/// the connections that are served. Where more are not granted the listener waits for some to close.
fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Takes the port, and says which it is.
pub(crate) fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Fault> {
    let taken = |error| {
        Fault::because(&format!("cannot listen on {address}"), &error)
            .hint("choose another; port 0 takes any free one, as in --listen 127.0.0.1:0")
    };
    let listener = TcpListener::bind(address).map_err(taken)?;
    listener.set_nonblocking(true).map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    Ok((listener, address))
}
