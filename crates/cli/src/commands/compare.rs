//! `counterfoil compare`: measures sessions, JWTs and the hybrid side by side on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use counterfoil_lab::{FigureId, LabError, MAX_REPORT_SIZE, Plan, Profile, Report};
use tokio::task;

use crate::argument_value::whole_number_from;
use crate::commands::compare::outputs::Outputs;
use crate::commands::compare::progress::Display;
use crate::error::CliError;
use crate::input_file::read_text;
use crate::signals::interruption;
use crate::standard_input::display_name;

mod outputs;
mod progress;
mod terminal;

/// The options of `compare`.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure for half a minute instead of about four minutes.
    #[arg(long)]
    quick: bool,
    /// Measure for about twenty minutes.
    #[arg(long, conflicts_with = "quick")]
    thorough: bool,
    /// Measure only these figures, as `check.rate,wire`.
    #[arg(long, value_name = "FIGURE", num_args = 1.., value_delimiter = ',', long_help = only_help())]
    only: Vec<FigureId>,
    /// Measure an Express application of the usual kind beside the modes. It needs node, and the npm packages express and
    /// jsonwebtoken in `NODE_PATH` or in `node_modules` here.
    #[arg(long)]
    guide: bool,
    /// The seed of the orders and of the intervals.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole_number_from(0_u64))]
    seed: u64,
    /// Write the report as JSON to this file, or to standard output with `-`.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the progress as lines of JSON to standard error, for a program, in place of a bar.
    #[arg(long)]
    json_progress: bool,
    /// Write the report as one HTML file, or to standard output with `-`.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the drawings of the report to this directory, as SVG files. It is created if it does not exist.
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// Show this report again, which `--json` has written, and measure nothing; `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "thorough", "only", "guide", "seed", "json_progress"])]
    from: Option<PathBuf>,
}

fn only_help() -> String {
    format!("Measure only these figures, as `check.rate,wire`; all by default: {}", FigureId::names())
}

/// Measures, or reads a report, and shows it.
///
/// # Errors
///
/// If nothing can be measured, or a file cannot be written; the directories of the files are checked before the measurement.
pub(crate) async fn run(options: Options) -> Result<(), CliError> {
    let outputs = Outputs::new(options.json.clone(), options.html.clone(), options.svg.clone())?;
    let report = match &options.from {
        Some(file) => read(file)?,
        None => {
            let display = if options.json_progress { Display::lines() } else { Display::bar() };
            measure(options.plan(), display).await?
        }
    };
    outputs.write(&report)
}

impl Options {
    fn plan(self) -> Plan {
        let profile = match (self.quick, self.thorough) {
            (true, _) => Profile::Quick,
            (false, true) => Profile::Thorough,
            (false, false) => Profile::Usual,
        };
        Plan::for_profile(profile).with(|plan| {
            plan.seed = self.seed;
            plan.only = self.only;
            plan.express = self.guide.then(node_modules);
            plan.program = std::env::current_exe().ok();
        })
    }
}

/// The folder of npm packages: the first of `NODE_PATH`, or `node_modules` here.
fn node_modules() -> PathBuf {
    let paths = std::env::var_os("NODE_PATH").unwrap_or_default();
    let first = std::env::split_paths(&paths).find(|path| !path.as_os_str().is_empty());
    first.unwrap_or_else(|| "node_modules".into())
}

fn read(file: &std::path::Path) -> Result<Report, CliError> {
    let text = read_text(file, MAX_REPORT_SIZE)?;
    counterfoil_lab::read(text.expose()).map_err(|error| {
        CliError::with_cause(&format!("cannot show {}", display_name(file)), &error)
            .with_hint("`counterfoil compare --json FILE` writes a report")
    })
}

/// Measures on threads of its own. A signal ends the run after the current row, which removes the temporary stores.
async fn measure(plan: Plan, display: Display) -> Result<Report, CliError> {
    let display = Arc::new(display);
    let shown = Arc::clone(&display);
    let interruption = interruption()?;
    let mut measured = task::spawn_blocking(move || counterfoil_lab::run(&plan, &*shown));
    let result = tokio::select! {
        result = &mut measured => result,
        () = interruption => {
            display.end();
            measured.await
        }
    };
    display.clear();
    match result {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(LabError::Cancelled)) => Err(CliError::failure("interrupted")),
        Ok(Err(error @ LabError::NoExpress { .. })) => Err(CliError::from_error(&error).with_hint(
            "install node, then in an empty directory: npm install express@5 jsonwebtoken@9; \
             set NODE_PATH to its node_modules",
        )),
        Ok(Err(error)) => Err(CliError::from_error(&error)),
        Err(error) => Err(CliError::from_error(&error)),
    }
}
