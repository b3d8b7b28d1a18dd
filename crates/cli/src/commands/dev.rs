//! `counterfoil dev`: everything on, to be tried out and thrown away.

use counterfoil::App;
use counterfoil::operator::Command;
use counterfoil::operator::is_loopback_ip;
use counterfoil_jose::Secret;

use crate::commands::serve::listen;
use crate::commands::tour::{self, PASSWORD, USERNAME};
use crate::configuration::Configuration;
use crate::configuration::dev_settings;
use crate::fault::Fault;
use crate::signals::Stop;

/// Serves a new store in a directory of its own, which is removed at the end.
///
/// # Errors
///
/// If the address is not loopback: everybody knows the demo user's password.
pub(crate) async fn run(common: &Configuration) -> Result<(), Fault> {
    common.check_address()?;
    if !is_loopback_ip(common.listen.ip()) {
        return Err(Fault::usage(format!("dev serves loopback only, not {}", common.listen.ip()))
            .hint("its demo user's password is known to everybody; use `counterfoil serve`"));
    }
    let stop = Stop::listen()?;
    let (listener, address) = listen(common.listen)?;
    let dir = tempfile::Builder::new().prefix("counterfoil-dev-").tempdir();
    let dir = dir.map_err(|error| Fault::because("there is no place for a throw-away store", &error))?;
    let app = App::open(dev_settings(dir.path(), address)?).await?;
    app.administer(demo_user()).await?;
    let tour = tour::text(&format!("http://{address}"), dir.path());
    let served = counterfoil::serve(app, listener, stop.asked_after(tour)).await;
    // Said rather than dropped: a store that stays behind holds the sessions of somebody's tests.
    dir.close().map_err(|error| Fault::because("the throw-away store is not removed", &error))?;
    served.map_err(|error| Fault::because("the server ended", &error))
}

fn demo_user() -> Command {
    Command::UserAdd {
        username: USERNAME.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        email: None,
        roles: Vec::new(),
    }
}
