//! What comes round every minute: the dead are buried, the forgotten forgotten, the clock's mark is saved.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use counterfoil_core::store::StoreError;
use counterfoil_jose::random;

use crate::app::App;
use crate::task::Task;

/// How often, give or take [`JITTER`].
const ROUND: Duration = Duration::from_secs(60);
/// What one round may come earlier or later: many nodes do not all come at once.
const JITTER: Duration = Duration::from_secs(5);
/// How often the clock is looked at, so that a leap is seen when nobody asks for the time.
const GLANCE: Duration = Duration::from_secs(5);
/// How many rows go at a time, and how long writers may go before the next.
const AT_A_TIME: u32 = 1_000;
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the rounds.
pub(crate) fn start(app: App) -> Task {
    Task::start(rounds(app))
}

async fn rounds(app: App) {
    loop {
        let next = Instant::now() + ROUND - JITTER + jitter();
        while Instant::now() < next {
            // Reading the clock is what makes it watch the wall.
            app.now();
            sleep_until(next.min(Instant::now() + GLANCE)).await;
        }
        if let Err(error) = round(&app).await {
            tracing::warn!(%error, "the work of this minute was not done; the next round takes it up");
        }
    }
}

/// One round. Each step is whole in itself, so it may end after any.
pub(crate) async fn round(app: &App) -> Result<(), StoreError> {
    app.save_clock_mark().await?;
    app.memory.revocations().prune(app.now());
    while app.store.purge(app.now(), AT_A_TIME).await? >= u64::from(AT_A_TIME) {
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Up to twice [`JITTER`]; none where the system has no randomness to give.
fn jitter() -> Duration {
    let drawn = random::bytes().map_or(0, u16::from_be_bytes);
    JITTER * 2 * u32::from(drawn) / u32::from(u16::MAX)
}
