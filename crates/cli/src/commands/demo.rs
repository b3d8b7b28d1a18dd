//! `counterfoil demo`: shows sessions, JWTs and the hybrid step by step, on a server that it starts itself.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::thread;

use clap::Args;
use serde_json::json;
use tokio::sync::oneshot;

use crate::commands::demo::narrator::Narrator;
use crate::commands::demo::server::DemoServer;
use crate::commands::demo::step::Step;
use crate::commands::demo::walk::Walk;
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::signals::interruption;

mod client;
mod hybrid_steps;
mod jwt_steps;
mod narrator;
mod server;
mod session_steps;
mod step;
mod steps;
mod token_parts;
mod walk;

/// The options of `demo`.
#[derive(Args)]
pub(crate) struct Options {
    /// Print the steps as JSON.
    #[arg(long)]
    json: bool,
    /// Wait for Enter after each step.
    #[arg(long, conflicts_with = "json")]
    step: bool,
    /// Print no colours, as with the variable `NO_COLOR`.
    #[arg(long)]
    no_color: bool,
}

/// Runs all steps against a server with a temporary store, and prints what happens and why.
///
/// # Errors
///
/// If a step does not give what it says.
pub(crate) async fn run(options: &Options) -> Result<(), CliError> {
    let interruption = interruption()?;
    let server = DemoServer::start().await?;
    // Without this, a signal would leave the temporary store, which has sessions.
    let shown = tokio::select! {
        shown = show(options, &server) => shown,
        () = interruption => Err(CliError::failure("interrupted")),
    };
    let stopped = server.stop().await;
    shown.and(stopped)
}

async fn show(options: &Options, server: &DemoServer) -> Result<(), CliError> {
    let mut walk = Walk::new(server);
    let narrator = Narrator::new(options.uses_colour());
    if !options.json {
        print_line(&narrator.introduction(server.base()))?;
    }
    let mut steps: Vec<Step> = Vec::new();
    while let Some(step) = steps::run(steps.len(), &mut walk).await? {
        if !options.json {
            print_line(&narrator.text(steps.len() + 1, &step))?;
            options.wait().await?;
        }
        steps.push(step);
    }
    if options.json {
        return print_json(&json!({ "steps": steps, "credential_bytes": walk.credential_bytes() }));
    }
    print_line(&narrator.conclusion(steps.len(), &walk.credential_bytes()))
}

impl Options {
    fn uses_colour(&self) -> bool {
        let is_forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        !self.no_color && !is_forbidden && io::stdout().is_terminal()
    }

    /// Waits for Enter if that is requested. At the end of the input the remaining steps follow at once.
    async fn wait(&self) -> Result<(), CliError> {
        if !self.step {
            return Ok(());
        }
        let cannot_read = |error| CliError::with_cause("cannot read from standard input", &error);
        eprint!("Press Enter for the next step. ");
        io::stderr().flush().map_err(cannot_read)?;
        let (read, is_read) = oneshot::channel();
        // A thread of its own: the process ends while it still reads, if it is interrupted.
        let reader = move || {
            let _ = read.send(io::stdin().lock().read_line(&mut String::new()).map(drop));
        };
        thread::Builder::new().name("enter".to_owned()).spawn(reader).map_err(cannot_read)?;
        is_read.await.map_err(io::Error::other).and_then(|read| read).map_err(cannot_read)
    }
}
