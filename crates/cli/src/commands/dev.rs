//! `counterfoil dev`: serves a temporary store with a demo user, to try everything.

use clap::Args;
use counterfoil::App;
use counterfoil::operator::Command;
use counterfoil::operator::is_loopback_ip;
use counterfoil_jose::Secret;

use crate::commands::demo_script::{self, PASSWORD, USERNAME};
use crate::commands::serve::listen;
use crate::configuration::flags::DevOptions;
use crate::configuration::{Configuration, dev_settings};
use crate::error::CliError;
use crate::signals::ShutdownSignals;

/// The options of `dev`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    _settings: DevOptions,
}

/// Serves a new store in a temporary directory, which is removed at the end.
///
/// # Errors
///
/// If the address is not loopback: the password of the demo user is public.
pub(crate) async fn run(configuration: &Configuration) -> Result<(), CliError> {
    configuration.check_address()?;
    let ip = configuration.listen.ip();
    if !is_loopback_ip(ip) {
        return Err(CliError::usage(format!("dev must listen on a loopback address, not {ip}"))
            .with_hint("the password of its demo user is public; use `counterfoil serve`"));
    }
    let signals = ShutdownSignals::listen()?;
    let (listener, address) = listen(configuration.listen)?;
    let dir = tempfile::Builder::new().prefix("counterfoil-dev-").tempdir();
    let dir = dir.map_err(|error| CliError::with_cause("cannot create a temporary directory", &error))?;
    let app = App::open(dev_settings(dir.path(), address)?).await?;
    app.administer(add_demo_user()).await?;
    let script = demo_script::text(&format!("http://{address}"), dir.path());
    let served = app.serve(listener, signals.print_and_wait(script)).await;
    // Reported, because a store that remains contains sessions.
    dir.close().map_err(|error| CliError::with_cause("cannot remove the temporary directory", &error))?;
    served.map_err(|error| CliError::with_cause("the server failed", &error))
}

fn add_demo_user() -> Command {
    Command::UserAdd {
        username: USERNAME.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        email: None,
        roles: Vec::new(),
    }
}
