//! Counts users and live sessions for the console, in portions: a scan of a million sessions takes a second, for which no list
//! should wait.

use std::time::Duration;

use tokio::time::sleep;

use counterfoil_core::store::{Page, SessionsByMode, Store, StoreError};
use counterfoil_jose::Time;

use crate::app::App;
use crate::counters::PopulationCount;

/// The most users, and the most sessions, of one read. Of a session it also reads the cutoffs of the user and the client.
const USERS: u32 = 4_000;
const SESSIONS: u32 = 400;

/// The pause after each read: a million users and a million sessions take half a minute, and few per cent of a core.
const PAUSE: Duration = Duration::from_millis(10);

/// The shortest time between two counts.
const INTERVAL: Duration = Duration::from_secs(60);

/// Counts after each time that the count was read, at most once a minute.
pub(super) async fn count_on_demand(app: &App) {
    loop {
        app.parts.metrics.population.wait_until_wanted().await;
        match count(&*app.parts.store, app.now()).await {
            Ok((users, sessions)) => {
                let counted = PopulationCount { users, sessions, counted_at: app.now() };
                app.parts.metrics.population.set(counted);
            }
            Err(error) => tracing::warn!(%error, "the users and sessions could not be counted"),
        }
        sleep(INTERVAL).await;
    }
}

/// The number of users, and the sessions that are live at `now`.
async fn count(store: &dyn Store, now: Time) -> Result<(u64, SessionsByMode), StoreError> {
    let (mut users, mut after) = (0, None);
    loop {
        let portion = store.count_users(Page { after, limit: USERS }).await?;
        users += portion.count;
        after = portion.next;
        if after.is_none() {
            break;
        }
        sleep(PAUSE).await;
    }
    let (mut sessions, mut after) = (SessionsByMode::default(), None);
    loop {
        let portion = store.count_sessions_by_mode(Page { after, limit: SESSIONS }, now).await?;
        sessions += portion.count;
        after = portion.next;
        if after.is_none() {
            return Ok((users, sessions));
        }
        sleep(PAUSE).await;
    }
}
