//! `counterfoil lab`: plays acts in all modes, and prints their traces; without a subcommand serves the lab as pages.

use std::fmt::Write as _;
use std::net::SocketAddr;

use clap::{Args, Subcommand};
use counterfoil::operator::is_loopback_ip;
use counterfoil_lab::{Act, CompareCommand, Frame, LabSite, Question, Trace};
use serde_json::json;
use tokio::task;

use crate::argument_value::whole_number;
use crate::commands::init::configuration_text;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::listeners::bind_localhost;
use crate::output::{print_json, print_line};
use crate::signals::{ShutdownSignals, interruption};

/// The options of `lab`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// Without one of these commands the lab is served as pages, for a browser on this machine.
    #[command(subcommand)]
    command: Option<Command>,
    /// The address of the pages, on loopback. Port 0 picks a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001")]
    listen: SocketAddr,
}

/// The commands below `lab`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Plays one act, and prints what was sent, stored and decided.
    Run(RunOptions),
    /// Answers one of five questions about sessions and JWTs by playing acts.
    Answer(AnswerOptions),
}

/// The options of `lab run`.
#[derive(Args)]
pub(crate) struct RunOptions {
    /// The act.
    #[arg(value_name = "ACT", long_help = act_help())]
    act: Act,
    /// Print the trace as JSON, with every message in full.
    #[arg(long)]
    json: bool,
}

/// The options of `lab answer`.
#[derive(Args)]
pub(crate) struct AnswerOptions {
    /// The number of the question, from 1 to 5.
    #[arg(value_name = "NUMBER", value_parser = whole_number(1..=5_u8))]
    number: u8,
    /// Print the question, the answer and the traces as JSON.
    #[arg(long)]
    json: bool,
}

fn act_help() -> String {
    format!("The act: {}", Act::names())
}

/// Serves the lab, or plays acts. Each one has a server and a temporary store of its own, which are removed at its end.
///
/// # Errors
///
/// If an act cannot be played to its end, or the pages cannot be served at the address.
pub(crate) async fn run(options: Options) -> Result<(), CliError> {
    let Some(command) = options.command else { return serve(options.listen).await };
    match command {
        Command::Run(options) => {
            let trace = blocking(move || counterfoil_lab::play(options.act)).await?;
            if options.json { print_json(&trace) } else { print_line(&text(&trace)) }
        }
        Command::Answer(options) => answer(&options).await,
    }
}

/// Serves the pages until a signal.
async fn serve(address: SocketAddr) -> Result<(), CliError> {
    if !is_loopback_ip(address.ip()) {
        let message = format!("the lab must listen on a loopback address, not {}", address.ip());
        return Err(CliError::usage(message)
            .with_hint("its pages show credentials, and every client that reaches them can use the labs"));
    }
    let signals = ShutdownSignals::listen()?.ending_at_hangup();
    let (listeners, address) = bind_localhost(address)?;
    let banner = format!("http://{address}/lab\n\nOpen the address in a browser. Ctrl-C stops the lab.");
    let served = site().serve(listeners, signals.print_and_wait(banner, || {})).await;
    served.map_err(|error| CliError::with_cause("the lab failed", &error))
}

/// The pages of the lab, which measure with this program.
pub(crate) fn site() -> LabSite {
    let program = std::env::current_exe();
    // What the shell would find is this program, too, unless it is called by a path.
    let compare = CompareCommand::quick(program.unwrap_or_else(|_| "counterfoil".into()));
    LabSite::new(compare, configuration_text)
}

async fn answer(options: &AnswerOptions) -> Result<(), CliError> {
    let question = Question::new(options.number);
    let question = question.ok_or_else(|| CliError::usage("the number of a question is from 1 to 5"))?;
    let traces = blocking(move || counterfoil_lab::answer(question)).await?;
    if options.json {
        return print_json(
            &json!({ "question": question.text(), "answer": question.answer(), "traces": traces }),
        );
    }
    let traces: Vec<String> = traces.iter().map(text).collect();
    print_line(&format!("{}\n\n{}\n\n{}", question.text(), traces.join("\n\n"), question.answer()))
}

async fn blocking<T: Send + 'static>(
    play: impl FnOnce() -> Result<T, counterfoil_lab::LabError> + Send + 'static,
) -> Result<T, CliError> {
    let interruption = interruption()?;
    let mut playing = task::spawn_blocking(play);
    let played = tokio::select! {
        played = &mut playing => played,
        () = interruption => {
            // Its end removes the temporary store, which has sessions.
            let _ = playing.await;
            return Err(CliError::failure("interrupted"));
        }
    };
    let played = played.map_err(|error| CliError::from_error(&error))?;
    played.map_err(|error| CliError::from_error(&error))
}

/// The frames as lines of text.
fn text(trace: &Trace) -> String {
    let mut text = format!("Act: {}", trace.act);
    for frame in &trace.frames {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}", escape_controls(&line(frame)));
    }
    text
}

fn line(frame: &Frame) -> String {
    let mode = frame.mode.map_or("all modes", |mode| mode.label());
    let subject = if frame.from == frame.to { String::new() } else { format!("{} ", frame.from.label()) };
    let size = frame.wire.as_ref().map(|wire| format!(" ({} bytes)", wire.bytes)).unwrap_or_default();
    let kept = frame.kept.as_ref().map(|kept| format!(": {}", kept.after)).unwrap_or_default();
    format!("{:>3}  {:>9.1} ms  {mode:<9}  {subject}{}{size}{kept}", frame.n, frame.at_ms, frame.text)
}
