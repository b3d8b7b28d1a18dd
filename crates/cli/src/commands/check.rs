//! `counterfoil check`: everything that is wrong or weak with the configuration, without touching anything.

use clap::Args;
use serde_json::{Value, json};

use crate::configuration::source::{Finding, Place};
use crate::configuration::{Common, unfit_or_suspect, weak};
use crate::fault::Fault;
use crate::printable::printable;
use crate::show;

/// How to check.
#[derive(Args)]
pub(crate) struct Options {
    /// Prints what was found as JSON.
    #[arg(long)]
    json: bool,
    /// Takes what is weak for a fault.
    #[arg(long)]
    strict: bool,
}

/// What was found.
struct Found {
    faults: Vec<Finding>,
    weak: Vec<Finding>,
}

/// Checks what `serve` would be started with; `serve` refuses what is a fault here.
///
/// # Errors
///
/// If anything is wrong; with `--strict` also if anything is weak.
pub(crate) fn run(common: &Common, options: &Options) -> Result<(), Fault> {
    let found = find(common);
    if options.json {
        show::json(&json!({ "faults": list(&found.faults), "weak": list(&found.weak) }))?;
    } else {
        show::say(&report(&found))?;
    }
    let weak = if options.strict { found.weak.len() } else { 0 };
    match found.faults.len() + weak {
        0 => Ok(()),
        1 => Err(Fault::failure("the configuration is not fit to be served: 1 finding")),
        many => Err(Fault::failure(format!("the configuration is not fit to be served: {many} findings"))),
    }
}

fn find(common: &Common) -> Found {
    match common.judge(common.listen) {
        Err(faults) => Found { faults, weak: common.unknown().to_vec() },
        Ok(settings) => Found {
            faults: unfit_or_suspect(&settings).into_iter().map(of_fault).collect(),
            weak: weak::weak(common, &settings),
        },
    }
}

/// A fault that is about no single value.
fn of_fault(fault: Fault) -> Finding {
    let (message, hint) = fault.into_parts();
    Finding { key: None, place: Place::Together, message, hint }
}

fn report(found: &Found) -> String {
    let told = |word: &str, findings: &[Finding]| -> Vec<String> {
        let tell = |finding: &Finding| {
            let what = printable(&format!("{word}: {finding}"));
            match &finding.hint {
                Some(hint) => format!("{what}\n  hint: {}", printable(hint)),
                None => what,
            }
        };
        findings.iter().map(tell).collect()
    };
    let lines = [told("fault", &found.faults), told("weak", &found.weak)].concat();
    match lines.is_empty() {
        true => "the configuration is right, and nothing about it is weak".to_owned(),
        false => lines.join("\n"),
    }
}

fn list(findings: &[Finding]) -> Vec<Value> {
    let one = |finding: &Finding| {
        json!({
            "key": finding.key,
            "place": finding.place.to_string(),
            "message": finding.message,
            "hint": finding.hint,
        })
    };
    findings.iter().map(one).collect()
}
