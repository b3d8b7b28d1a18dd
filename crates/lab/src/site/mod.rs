//! The lab as pages: labs that are made and played in a browser, the questions, advice, a token taken apart, and measurements.

use std::future::{Future, pending};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery};
use axum::middleware;
use axum::response::Redirect;
use axum::routing::{get, post};
use counterfoil::{App, Limits};
use tokio::task::JoinSet;

use crate::site::compare_command::CompareCommand;
use crate::site::labs::Labs;
use crate::site::measurements::Measurements;

mod act;
mod advice_view;
mod asset;
mod checked;
mod choice_file;
mod choose;
pub(crate) mod compare_command;
mod cost_table;
mod exclusive;
mod guard;
mod home;
mod lab;
mod labs;
mod measure;
mod measured_numbers;
mod measurement_events;
mod measurements;
mod questions;
mod refusal;
mod report_view;
mod request_text;
mod response;
mod token;
mod trace_view;

pub use choice_file::ConfigurationText;

/// The largest body of a form in bytes, except that of a token. A form has the names of an act and of a step.
const MAX_FORM_SIZE: usize = 1024;

/// The labs and the measurements of this process, and their pages. Every client that reaches the pages can use them, so they
/// are served on loopback.
#[derive(Debug, Clone)]
pub struct LabSite {
    labs: Arc<Labs>,
    measurements: Arc<Measurements>,
    configuration_text: ConfigurationText,
}

impl LabSite {
    /// A site without a lab, which measures with `compare`. `/lab/choose.toml` is what `configuration_text` writes.
    #[must_use]
    pub fn new(compare: CompareCommand, configuration_text: ConfigurationText) -> Self {
        Self { labs: Arc::default(), measurements: Arc::new(Measurements::new(compare)), configuration_text }
    }

    /// Also checks pasted tokens with the keys of this server, until [`LabSite::close`].
    pub fn set_issuer(&self, app: App) {
        self.labs.set_issuer(app);
    }

    /// The routes below `/lab`. They do not check where a request comes from: the server that merges them does.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/lab", get(home::show).post(home::make))
            .route("/lab/questions", get(questions::list))
            .route("/lab/questions/{number}", get(questions::show).post(questions::play))
            .route(
                "/lab/token",
                get(token::show).post(token::take_apart).layer(DefaultBodyLimit::max(token::MAX_SIZE)),
            )
            .route("/lab/{id}", get(act::show))
            .route("/lab/{id}/act", post(act::play))
            .route("/lab/{id}/clock", post(act::move_clock))
            .route("/lab/{id}/end", post(act::end))
            .route("/lab/{id}/trace.json", get(act::trace))
            .merge(self.choice_routes())
            .merge(measure::routes(Arc::clone(&self.measurements)))
            .route_layer(middleware::from_fn(guard::show_as_page))
            // The files of a page are no documents.
            .route("/lab/assets/{name}", get(asset::show))
            .layer(DefaultBodyLimit::max(MAX_FORM_SIZE))
            .with_state(Arc::clone(&self.labs))
    }

    fn choice_routes(&self) -> Router<Arc<Labs>> {
        let text = self.configuration_text;
        let configuration = async move |query: RawQuery| choice_file::configuration(&query, text);
        Router::new()
            .route("/lab/choose", get(choose::show))
            .route("/lab/choose.json", get(choice_file::answers))
            .route("/lab/choose.toml", get(configuration))
            .with_state(Arc::clone(&self.measurements))
    }

    /// Serves the pages alone, until `stopped`. The listeners are bound to addresses of loopback and do not listen yet.
    ///
    /// # Errors
    ///
    /// If a socket fails.
    pub async fn serve(
        &self,
        listeners: Vec<TcpListener>,
        stopped: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let mut servers = self.listen(listeners);
        let served = tokio::select! {
            () = stopped => Ok(()),
            () = self.remove_unused() => Ok(()),
            Some(Ok(served)) = servers.join_next() => served,
        };
        servers.shutdown().await;
        self.close().await;
        served
    }

    /// Starts a server on each of the listeners.
    fn listen(&self, listeners: Vec<TcpListener>) -> JoinSet<io::Result<()>> {
        let router = self
            .routes()
            .route("/", get(async || Redirect::to("/lab")))
            .fallback(async || response::not_found())
            .layer(middleware::from_fn(guard::check_source));
        let mut servers = JoinSet::new();
        for listener in listeners {
            servers.spawn(counterfoil::serve(router.clone(), listener, Limits::default(), pending()));
        }
        servers
    }

    /// Removes labs that are not used, again and again.
    pub async fn remove_unused(&self) {
        self.labs.remove_unused_again_and_again().await;
    }

    /// Stops the measurement that runs, and ends the responses that follow it: a server that waits for its responses calls this
    /// when it begins to stop.
    pub fn start_close(&self) {
        self.measurements.start_close();
    }

    /// Removes all labs, and ends the measurement that runs. An act that is being played removes its own lab at its end.
    pub async fn close(&self) {
        self.measurements.close().await;
        self.labs.close().await;
    }
}
