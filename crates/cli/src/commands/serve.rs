//! `counterfoil serve`: runs the server.

use std::io;
use std::net::{SocketAddr, TcpListener};

use clap::Args;
use counterfoil::operator::is_localhost_name;
use counterfoil::{App, IssuerUrl};
use counterfoil_jose::Secret;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinHandle;

use crate::commands::demo_user::{PASSWORD, PUBLIC_USERS};
use crate::configuration::development::is_public;
use crate::configuration::flags::ServerOptions;
use crate::configuration::warnings::contradictions::other_address;
use crate::configuration::warnings::unnamed_proxy;
use crate::configuration::{Configuration, preflight_errors};
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::listeners::{bind, bind_localhost};
use crate::signals::ShutdownSignals;
use crate::standard_input::display_name;

/// How many scrapers may wait to be accepted.
const METRICS_BACKLOG: i32 = 128;

/// The options of `serve`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    _settings: ServerOptions,
}

/// Serves until a signal stops it.
pub(crate) async fn run(configuration: &Configuration) -> Result<(), CliError> {
    let configuration = configuration.with_page_files();
    // Validated before the port is bound; with port 0 the address is only known afterwards.
    let validated = configuration.settings(configuration.listen)?;
    let errors = preflight_errors(&validated);
    if !errors.is_empty() {
        return Err(CliError::from_all(errors));
    }
    let listen = configuration.listen;
    let warnings = [
        unnamed_proxy(listen.ip(), &validated),
        other_address(listen, &validated),
        configuration.unread_file(),
    ];
    for warning in configuration.renamed_variables().iter().chain(warnings.iter().flatten()) {
        tracing::warn!("{warning}; {}", warning.hint.as_deref().unwrap_or_default());
    }
    raise_open_files_limit();
    let signals = ShutdownSignals::listen()?;
    // Bound early, so that a second start fails before it touches anything; the sockets listen when the store is open.
    let (listeners, address) = bind_all(listen, &validated.issuer)?;
    let metrics = configuration.metrics_listen.map(bind).transpose()?;
    let settings = configuration.settings(address)?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let issuer = settings.issuer.as_str().to_owned();
    let app = App::open(settings).await?;
    if let Err(error) = check_public_users(&app).await {
        let _ = app.close().await;
        return Err(error);
    }

    let data = escape_controls(&configuration.data_dir.to_string_lossy());
    let mut banner = format!("listening on {scheme}://{address}\nissuer {issuer}, data in {data}");
    if let Some((_, address)) = &metrics {
        banner += &format!("\nmetrics on http://{address}/metrics");
    }
    if let Some(file) = &configuration.file {
        banner += &format!("\nconfiguration from {}", escape_controls(&display_name(file)));
    }
    let metrics = metrics.map(|(listener, _)| start_metrics(app.clone(), listener)).transpose()?;
    let stopping = app.clone();
    let shutdown = signals.print_and_wait(banner, move || stopping.skip_shutdown_delay());
    let served = app.serve_all(listeners, shutdown).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    served.map_err(|error| CliError::with_cause("the server failed", &error))
}

/// Refuses to serve a user with the public password of `dev` to others than this machine: a copy or a backup of a store of
/// `dev` has one, wherever it lies.
async fn check_public_users(app: &App) -> Result<(), CliError> {
    let password = Secret::new(PASSWORD.to_owned());
    let mut errors = Vec::new();
    for user in PUBLIC_USERS {
        let has_public_password = app.has_password(user, &password).await;
        if !has_public_password.map_err(|error| CliError::with_cause("the store cannot be read", &error))? {
            continue;
        }
        let what = format!("the user {user} has the public password of `counterfoil dev`");
        // The last administrator cannot be deleted.
        let what_to_do = format!(
            "change it with `counterfoil user passwd {user}`, or, if another user is an administrator, remove the user with \
             `counterfoil user delete {user}`"
        );
        if is_public(app.settings()) {
            errors.push(CliError::failure(what).with_hint(what_to_do));
        } else {
            tracing::warn!("{what}; {what_to_do}");
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(CliError::from_all(errors)) }
}

/// Starts to serve the metrics. If their listener fails, monitoring would report the server as down, so that is logged.
///
/// # Errors
///
/// If another program listens at the address by now.
pub(crate) fn start_metrics(app: App, listener: TcpListener) -> Result<JoinHandle<()>, CliError> {
    let cannot_listen = |error| CliError::with_cause("cannot listen for metrics", &error);
    // At once, so that the metrics can be read when the address is printed.
    rustix::net::listen(&listener, METRICS_BACKLOG).map_err(|error| cannot_listen(io::Error::from(error)))?;
    Ok(tokio::spawn(async {
        if let Err(error) = counterfoil::serve_metrics(app, listener).await {
            tracing::error!(%error, "the metrics listener failed");
        }
    }))
}

/// Binds the address. If the host of the issuer is `localhost` or a name below it, which clients resolve to `127.0.0.1` or
/// to `::1`, it binds both.
fn bind_all(address: SocketAddr, issuer: &IssuerUrl) -> Result<(Vec<TcpListener>, SocketAddr), CliError> {
    if is_localhost_name(issuer.host()) && !issuer.is_secure() {
        return bind_localhost(address);
    }
    bind(address).map(|(listener, address)| (vec![listener], address))
}

/// Raises the limit of open files to the maximum: each connection needs one, and the usual soft limit is far below the
/// number of connections that the server accepts. If the limit cannot be raised, accepting waits until one is closed.
fn raise_open_files_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
