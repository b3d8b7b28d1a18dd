//! `/lab/measure/{number}/events`: the progress of a measurement as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time;

use crate::site::measure::{find, not_found};
use crate::site::measurements::{Measurement, Measurements, State as MeasurementState};
use crate::site::response::problem;

/// The shortest time between two events: four a second are smooth enough.
const SHORTEST: Duration = Duration::from_millis(250);

/// The longest time between two events, so that the seconds on the page advance.
const LONGEST: Duration = Duration::from_secs(1);

/// After how many seconds a page that was refused may try again.
const RETRY_SECONDS: u64 = 5;

/// Sends the event `progress` at each step, at most four times a second and at least once, with the part, its steps and the
/// seconds as JSON; then `ended`.
pub(super) async fn follow(
    State(measurements): State<Arc<Measurements>>,
    Path(number): Path<String>,
) -> Response {
    let Some(measurement) = find(&measurements, &number) else { return not_found() };
    let Ok(place) = Arc::clone(&measurements.streams).try_acquire_owned() else {
        let text = "Close some of the pages that show the progress of a measurement.";
        let refused =
            problem(StatusCode::TOO_MANY_REQUESTS, "Too many pages follow it", text, "/lab/measure");
        return ([(RETRY_AFTER, RETRY_SECONDS.to_string())], refused).into_response();
    };
    let follower = Follower {
        state: measurement.subscribe(),
        measurement,
        closed: measurements.closed(),
        _place: place,
        next: Next::AtOnce,
    };
    Sse::new(stream::unfold(follower, Follower::next)).into_response()
}

/// A page that follows a measurement.
struct Follower {
    measurement: Arc<Measurement>,
    state: watch::Receiver<MeasurementState>,
    closed: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
    next: Next,
}

/// When the next event is sent.
enum Next {
    AtOnce,
    AfterAChange,
    Never,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        match self.next {
            Next::AtOnce => {}
            Next::AfterAChange => {
                let change = async {
                    time::sleep(SHORTEST).await;
                    let _ = time::timeout(LONGEST - SHORTEST, self.state.changed()).await;
                };
                // Otherwise a server that stops would wait for this response.
                tokio::select! {
                    () = change => {}
                    _ = self.closed.wait_for(|is_closed| *is_closed) => return None,
                }
            }
            Next::Never => return None,
        }
        let state = self.state.borrow_and_update().clone();
        let event = match state {
            MeasurementState::Running(line) => {
                self.next = Next::AfterAChange;
                let (part, done, of) = (line.part, line.done, line.of);
                let data =
                    json!({ "part": part, "done": done, "of": of, "seconds": self.measurement.seconds() });
                Event::default().event("progress").data(data.to_string())
            }
            MeasurementState::Done(_) | MeasurementState::Failed(_) | MeasurementState::Stopped => {
                self.next = Next::Never;
                // An event without data is not dispatched.
                Event::default().event("ended").data("{}")
            }
        };
        Some((Ok(event), self))
    }
}
