//! The lifetimes of the client `default` in `dev`.

use counterfoil::App;
use counterfoil::operator::{ClientChangeRequest, Command};
use counterfoil_core::model::client::{Lifetimes, LifetimesChange};
use serde_json::Value;

use crate::configuration::development::Pace;
use crate::error::CliError;

/// The client of logins that name none.
const CLIENT: &str = "default";

/// Lifetimes of `--fast`, in seconds. The idle timeouts are longer than the minute for which a use is not recorded again.
const FAST: Lifetimes = Lifetimes {
    session_idle: 120,
    session_absolute: 600,
    jwt: 30,
    access: 30,
    refresh_idle: 120,
    refresh_absolute: 600,
};

/// Sets the lifetimes of `--fast`, or the usual ones if a former run has set those.
pub(super) async fn set(app: &App, pace: Pace) -> Result<(), CliError> {
    match pace {
        Pace::Fast => change(app, FAST).await,
        Pace::Normal if current(app).await? == lifetimes_json(FAST)? => {
            change(app, Lifetimes::default()).await
        }
        Pace::Normal => Ok(()),
    }
}

/// The lifetimes in one sentence.
pub(super) fn description(pace: Pace) -> &'static str {
    match pace {
        Pace::Normal => {
            "A JWT lives 1 hour, a session 30 days; hybrid: an access token 15 minutes, a login 90 days."
        }
        Pace::Fast => {
            "Lifetimes (--fast): access token 30 s; session and refresh token 2 min idle, 10 min at most."
        }
    }
}

async fn change(app: &App, lifetimes: Lifetimes) -> Result<(), CliError> {
    let Lifetimes { session_idle, session_absolute, jwt, access, refresh_idle, refresh_absolute } = lifetimes;
    let lifetimes = LifetimesChange {
        session_idle: Some(session_idle),
        session_absolute: Some(session_absolute),
        jwt: Some(jwt),
        access: Some(access),
        refresh_idle: Some(refresh_idle),
        refresh_absolute: Some(refresh_absolute),
    };
    let client = ClientChangeRequest { lifetimes, ..ClientChangeRequest::default() };
    app.administer(Command::ClientSet { id: CLIENT.to_owned(), client }).await?;
    Ok(())
}

/// The lifetimes of the client, as JSON.
async fn current(app: &App) -> Result<Value, CliError> {
    let list = app.administer(Command::ClientList { after: None, limit: None }).await?;
    let clients = list["clients"].as_array().cloned().unwrap_or_default();
    let client = clients.into_iter().find(|client| client["id"] == CLIENT);
    Ok(client.map_or(Value::Null, |client| client["lifetimes"].clone()))
}

fn lifetimes_json(lifetimes: Lifetimes) -> Result<Value, CliError> {
    serde_json::to_value(lifetimes).map_err(|error| CliError::from_error(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_lifetimes_are_valid_and_described() {
        assert_eq!(FAST.validate(), None);
        assert!(description(Pace::Fast).contains(&format!("access token {} s", FAST.access)));
        assert_eq!((FAST.session_idle / 60, FAST.refresh_absolute / 60), (2, 10));
    }
}
