//! Metrics of the revocation feed that are computed when they are exported.

use std::fmt;

use crate::feed::Feed;
use crate::metrics::encoder::Encoder;

pub(super) fn encode(encoder: &mut Encoder<'_>, feed: &Feed) -> fmt::Result {
    let counts = feed.follower_counts();
    encoder.gauges(
        "counterfoil_feed_verifiers",
        "Processes that follow the feed, by whether their lease has run out in the last ten minutes",
        |sample| {
            sample(&[("state", "fresh")], counts.fresh as u64)?;
            sample(&[("state", "stale")], counts.stale as u64)
        },
    )?;
    encoder.gauge(
        "counterfoil_feed_lag_seconds",
        "Age of the oldest revocation that a verifier with a lease has not confirmed",
        counts.max_lag.as_secs_f64(),
    )?;
    encoder.gauge("counterfoil_feed_streams", "Open event streams of the feed", feed.open_streams())?;
    encoder.gauge("counterfoil_feed_waiting_polls", "Polls that wait for a revocation", feed.waiting_polls())
}
