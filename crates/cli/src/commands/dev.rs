//! `counterfoil dev`: everything on, to be tried out and thrown away.

use counterfoil::App;
use counterfoil::operator::Command;
use counterfoil_jose::Secret;

use crate::commands::demo_script::{self, PASSWORD, USERNAME};
use crate::commands::serve::listen;
use crate::configuration::Configuration;
use crate::configuration::dev_settings;
use crate::error::CliError;
use crate::signals::ShutdownSignals;

/// Serves a new store in a directory of its own, which is removed at the end.
///
/// # Errors
///
/// If the address is not loopback: everybody knows the demo user's password.
pub(crate) async fn run(common: &Configuration) -> Result<(), CliError> {
    common.check_address()?;
    if !common.listen.ip().is_loopback() {
        return Err(CliError::usage(format!("dev serves loopback only, not {}", common.listen.ip()))
            .with_hint("its demo user's password is known to everybody; use `counterfoil serve`"));
    }
    let stop = ShutdownSignals::listen()?;
    let (listener, address) = listen(common.listen)?;
    let dir = tempfile::Builder::new().prefix("counterfoil-dev-").tempdir();
    let dir =
        dir.map_err(|error| CliError::with_cause("there is no place for a throw-away store", &error))?;
    let app = App::open(dev_settings(dir.path(), address)?).await?;
    app.administer(demo_user()).await?;
    let tour = demo_script::text(&format!("http://{address}"), dir.path());
    let served = counterfoil::serve(app, listener, stop.print_and_wait(tour)).await;
    // Said rather than dropped: a store that stays behind holds the sessions of somebody's tests.
    dir.close().map_err(|error| CliError::with_cause("the throw-away store is not removed", &error))?;
    served.map_err(|error| CliError::with_cause("the server ended", &error))
}

fn demo_user() -> Command {
    Command::UserAdd {
        username: USERNAME.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        email: None,
        roles: Vec::new(),
    }
}
