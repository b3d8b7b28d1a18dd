//! `counterfoil dev`: serves a store with a demo user on loopback, to try everything.

use std::net::IpAddr;

use clap::Args;
use counterfoil::operator::{Command, is_loopback_ip};
use counterfoil::{App, DevelopmentMode, Settings};

use crate::commands::demo_user::{ADMINISTRATOR, USERNAME, add_administrator, add_demo_user};
use crate::commands::dev::data_directory::DataDirectory;
use crate::commands::lab;
use crate::commands::serve::start_metrics;
use crate::configuration::development::Pace;
use crate::configuration::flags::DevelopmentOptions;
use crate::configuration::{Configuration, preflight_errors};
use crate::error::CliError;
use crate::listeners::{bind, bind_localhost};
use crate::signals::ShutdownSignals;

mod banner;
mod data_directory;
mod lifetimes;
mod page;

/// The options of `dev`.
#[derive(Args)]
pub(crate) struct Options {
    /// Short lifetimes that can be watched: an access token lives 30 seconds.
    #[arg(long)]
    fast: bool,
    #[command(flatten)]
    _settings: DevelopmentOptions,
}

impl Options {
    const fn pace(&self) -> Pace {
        if self.fast { Pace::Fast } else { Pace::Normal }
    }
}

/// Serves a new store in a temporary directory, which is removed at the end, or the one that `dev` has made in the data
/// directory.
///
/// # Errors
///
/// If the address is not loopback, or a setting is refused: the password of the demo user is public.
pub(crate) async fn run(configuration: &Configuration, options: &Options) -> Result<(), CliError> {
    check_loopback(configuration.listen.ip())?;
    let configuration = configuration.for_development(options.pace())?.with_page_files();
    // Validated before anything is created.
    configuration.settings(configuration.listen)?;
    let directory = DataDirectory::open(&configuration)?;
    let served = serve(&configuration.with_data_dir(directory.path()), options.pace(), &directory).await;
    // Reported, because a store that remains contains sessions.
    let closed = directory.close();
    served.and(closed)
}

async fn serve(configuration: &Configuration, pace: Pace, directory: &DataDirectory) -> Result<(), CliError> {
    let errors = preflight_errors(&configuration.settings(configuration.listen)?);
    if !errors.is_empty() {
        return Err(CliError::from_all(errors));
    }
    let signals = ShutdownSignals::listen()?.ending_at_hangup();
    let (listeners, address) = bind_localhost(configuration.listen)?;
    let metrics = configuration.metrics_listen.map(bind).transpose()?;
    let settings = configuration.settings(address)?;
    let base = base_url(&settings, address.port(), &format!("http://{address}"));
    let lab = lab::site();
    let mode = DevelopmentMode::new(page::html(&base, pace)).with_routes(lab.routes());
    let app = App::open(settings.with(|settings| settings.development_mode = Some(mode))).await?;
    prepare(&app, pace).await?;
    lab.set_issuer(app.clone());
    let banner = banner::text(&base, pace, directory);
    let metrics = metrics.map(|(listener, _)| start_metrics(app.clone(), listener)).transpose()?;
    let stopping = app.clone();
    let shutdown = async {
        signals.print_and_wait(banner, move || stopping.skip_shutdown_delay()).await;
        // A page that follows a measurement would keep its connection.
        lab.start_close();
    };
    let served = tokio::select! {
        served = app.serve_all(listeners, shutdown) => served,
        // It has no end.
        () = lab.remove_unused() => Ok(()),
    };
    lab.close().await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    served.map_err(|error| CliError::with_cause("the server failed", &error))
}

fn check_loopback(ip: IpAddr) -> Result<(), CliError> {
    if is_loopback_ip(ip) {
        return Ok(());
    }
    Err(CliError::usage(format!("dev must listen on a loopback address, not {ip}"))
        .with_hint("the password of its demo user is public; use `counterfoil serve`"))
}

/// The URL of the routes: at the issuer, if that is the server and not a proxy before it, else at the address.
fn base_url(settings: &Settings, port: u16, address: &str) -> String {
    let origin = if settings.issuer.port() == port { settings.issuer.origin().as_str() } else { address };
    format!("{origin}{}", settings.base_path)
}

/// Adds the demo user and the administrator if they do not exist, and sets the lifetimes.
async fn prepare(app: &App, pace: Pace) -> Result<(), CliError> {
    for (username, add) in [(USERNAME, add_demo_user()), (ADMINISTRATOR, add_administrator())] {
        let show = Command::UserShow { user: username.to_owned(), ip: None };
        if app.administer(show).await.is_err() {
            let added = app.administer(add).await.map_err(CliError::from);
            added.map_err(|error| {
                let (message, hint) = error.into_parts();
                CliError::failure(format!("the user {username} cannot be added: {message}"))
                    .with_optional_hint(hint)
            })?;
        }
    }
    lifetimes::set(app, pace).await
}
