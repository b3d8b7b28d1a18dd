//! `/lab/measure`: measures the modes on this machine, with the progress and the reports as pages.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, REFRESH};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use counterfoil_pages::Moment;
use counterfoil_pages::view::lab::{
    FailedMeasurementView, MeasurementOutcome, MeasurementProgress, MeasurementRow, MeasurementsView,
    RunningMeasurementView,
};

use crate::progress::ProgressLine;
use crate::report::html;
use crate::report::model::Report;
use crate::site::measurement_events;
use crate::site::measurements::{MAX_KEPT, Measurement, Measurements, StartError, State as MeasurementState};
use crate::site::report_view::report_view;
use crate::site::response::{page, page_with_script, problem, see_other};

/// After how many seconds a browser without script loads the page of a running measurement again, if it was asked to.
const RELOAD_SECONDS: u64 = 2;

/// The routes of measurements, below those of the lab.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(measurements: Arc<Measurements>) -> Router<S> {
    Router::new()
        .route("/lab/measure", get(list).post(start))
        .route("/lab/measure/{number}", get(show))
        .route("/lab/measure/{number}/events", get(measurement_events::follow))
        .route("/lab/measure/{number}/stop", post(stop))
        .route("/lab/measure/{number}/report.json", get(report_json))
        .route("/lab/measure/{number}/report.html", get(report_html))
        .with_state(measurements)
}

/// Shows the button and the measurements of this process.
async fn list(State(measurements): State<Arc<Measurements>>) -> Response {
    let running = measurements.running().and_then(|one| match one.state() {
        MeasurementState::Running(line) => Some(progress(&one, line)),
        MeasurementState::Done(_) | MeasurementState::Failed(_) | MeasurementState::Stopped => None,
    });
    let ended = measurements.ended().iter().filter_map(|one| row(one)).collect();
    page(&MeasurementsView { running, ended, most: MAX_KEPT })
}

/// Starts a measurement. A second one is refused with the progress of the first.
async fn start(State(measurements): State<Arc<Measurements>>) -> Response {
    match measurements.start() {
        Ok(started) => see_other(&format!("/lab/measure/{}", started.number)),
        Err(StartError::Busy(running)) => {
            let mut response = show_state(&running, None, true);
            *response.status_mut() = StatusCode::CONFLICT;
            response
        }
        Err(StartError::Closed) => {
            let text = "This server is stopping. Start it again, then measure.";
            problem(StatusCode::SERVICE_UNAVAILABLE, "Nothing is measured any more", text, "/lab/measure")
        }
    }
}

/// Shows a measurement: its progress, its report, or why it has none.
async fn show(
    State(measurements): State<Arc<Measurements>>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(measurement) = find(&measurements, &number) else { return not_found() };
    let is_reloading = query.as_deref() == Some("every=2");
    show_state(&measurement, is_reloading.then_some(RELOAD_SECONDS), false)
}

/// Stops a measurement, and shows it when it has ended.
async fn stop(State(measurements): State<Arc<Measurements>>, Path(number): Path<String>) -> Response {
    let Some(measurement) = find(&measurements, &number) else { return not_found() };
    measurement.stop();
    measurement.ended().await;
    see_other(&format!("/lab/measure/{}", measurement.number))
}

async fn report_json(State(measurements): State<Arc<Measurements>>, Path(number): Path<String>) -> Response {
    let Some(report) = find_report(&measurements, &number) else { return not_found() };
    Json(&*report).into_response()
}

/// The report as a file that opens from disk: its style sheet is within it, which the policy of these pages does not allow.
async fn report_html(State(measurements): State<Arc<Measurements>>, Path(number): Path<String>) -> Response {
    let Some(report) = find_report(&measurements, &number) else { return not_found() };
    let attachment = HeaderValue::from_static("attachment; filename=\"counterfoil-report.html\"");
    match html::page(&report) {
        Ok(page) => ([(CONTENT_DISPOSITION, attachment)], Html(page)).into_response(),
        // A report that was read has finite numbers.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn show_state(measurement: &Measurement, every: Option<u64>, is_refused: bool) -> Response {
    let started = started(measurement);
    match measurement.state() {
        MeasurementState::Running(line) => {
            let view = RunningMeasurementView { progress: progress(measurement, line), is_refused, every };
            match every {
                Some(seconds) => ([(REFRESH, HeaderValue::from(seconds))], page(&view)).into_response(),
                None => page_with_script(&view),
            }
        }
        MeasurementState::Done(report) => page(&report_view(measurement.number, &report)),
        MeasurementState::Failed(error) => {
            let cause = error.to_string().lines().map(str::to_owned).collect();
            page(&FailedMeasurementView { number: measurement.number, started, cause })
        }
        MeasurementState::Stopped => {
            page(&FailedMeasurementView { number: measurement.number, started, cause: Vec::new() })
        }
    }
}

/// The progress of a measurement that runs.
fn progress(measurement: &Measurement, line: ProgressLine) -> MeasurementProgress {
    MeasurementProgress {
        number: measurement.number,
        started: started(measurement),
        seconds: measurement.seconds(),
        part: line.part,
        done: line.done,
        of: line.of,
    }
}

fn row(measurement: &Measurement) -> Option<MeasurementRow> {
    let outcome = match measurement.state() {
        MeasurementState::Running(_) => return None,
        MeasurementState::Done(report) if report.method.too_busy => MeasurementOutcome::TooBusy,
        MeasurementState::Done(_) => MeasurementOutcome::Done,
        MeasurementState::Failed(_) => MeasurementOutcome::Failed,
        MeasurementState::Stopped => MeasurementOutcome::Stopped,
    };
    Some(MeasurementRow { number: measurement.number, started: started(measurement), outcome })
}

fn started(measurement: &Measurement) -> Moment {
    Moment::from_unix_seconds(measurement.started_at.unix_seconds())
}

/// The measurement that a path names.
pub(super) fn find(measurements: &Measurements, number: &str) -> Option<Arc<Measurement>> {
    measurements.find(number.parse().ok()?)
}

fn find_report(measurements: &Measurements, number: &str) -> Option<Arc<Report>> {
    match find(measurements, number)?.state() {
        MeasurementState::Done(report) => Some(report),
        MeasurementState::Running(_) | MeasurementState::Failed(_) | MeasurementState::Stopped => None,
    }
}

/// What does not exist, or is not kept any more.
pub(super) fn not_found() -> Response {
    let text = format!("The last {MAX_KEPT} measurements are kept, until the server stops.");
    problem(StatusCode::NOT_FOUND, "There is no such measurement or report", &text, "/lab/measure")
}
