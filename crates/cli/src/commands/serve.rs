//! `counterfoil serve`: runs the server.

use std::net::{SocketAddr, TcpListener};

use clap::Args;
use counterfoil::App;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::configuration::flags::ServerOptions;
use crate::configuration::warnings::contradictions::other_address;
use crate::configuration::warnings::unnamed_proxy;
use crate::configuration::{Configuration, preflight_errors};
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::signals::ShutdownSignals;

/// The options of `serve`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    _settings: ServerOptions,
}

/// Serves until a signal stops it.
pub(crate) async fn run(configuration: &Configuration) -> Result<(), CliError> {
    // Validated before the port is bound; with port 0 the address is only known afterwards.
    let validated = configuration.settings(configuration.listen)?;
    let errors = preflight_errors(&validated);
    if !errors.is_empty() {
        return Err(CliError::from_all(errors));
    }
    let proxy = unnamed_proxy(configuration.listen.ip(), &validated);
    let address = other_address(configuration.listen, &validated);
    for warning in configuration.renamed_variables().iter().chain(&proxy).chain(&address) {
        tracing::warn!("{warning}; {}", warning.hint.as_deref().unwrap_or_default());
    }
    raise_open_files_limit();
    let signals = ShutdownSignals::listen()?;
    let (listener, address) = listen(configuration.listen)?;
    let metrics = configuration.metrics_listen.map(listen).transpose()?;
    let settings = configuration.settings(address)?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let issuer = settings.issuer.as_str().to_owned();
    let app = App::open(settings).await?;

    let data = escape_controls(&configuration.data_dir.to_string_lossy());
    let mut banner = format!("listening on {scheme}://{address}\nissuer {issuer}, data in {data}");
    if let Some((_, address)) = &metrics {
        banner += &format!("\nmetrics on http://{address}/metrics");
    }
    let metrics = metrics.map(|(listener, _)| tokio::spawn(serve_metrics(app.clone(), listener)));
    let served = app.serve(listener, signals.print_and_wait(banner)).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    served.map_err(|error| CliError::with_cause("the server failed", &error))
}

/// Serves the metrics. If their listener fails, monitoring would report the server as down, so that is logged.
async fn serve_metrics(app: App, listener: TcpListener) {
    if let Err(error) = counterfoil::serve_metrics(app, listener).await {
        tracing::error!(%error, "the metrics listener failed");
    }
}

/// Raises the limit of open files to the maximum: each connection needs one, and the usual soft limit is far below the
/// number of connections that the server accepts. If the limit cannot be raised, accepting waits until one is closed.
fn raise_open_files_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Binds the address, and returns it with the actual port.
pub(crate) fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), CliError> {
    let cannot_listen = |error| {
        CliError::with_cause(&format!("cannot listen on {address}"), &error)
            .with_hint("set another address; port 0 picks a free port, as in --listen 127.0.0.1:0")
    };
    let listener = TcpListener::bind(address).map_err(cannot_listen)?;
    listener.set_nonblocking(true).map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    Ok((listener, address))
}
