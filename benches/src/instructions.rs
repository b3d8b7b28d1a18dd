//! The instructions of a request, as callgrind counts them: unlike times they do not depend on what else the
//! machine does.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use comfy_table::{Table, presets};

use crate::counted_requests::{
    Credential, Route, SESSION_TOKENS, STORE, issue_access_tokens, issue_host_token,
};
use crate::fill_store::fill_store;

/// The simulated caches, so that the counts do not depend on the machine: 32 KiB, and 1 MiB as the last level.
const CACHES: [&str; 4] = ["--cache-sim=yes", "--I1=32768,8,64", "--D1=32768,8,64", "--LL=1048576,16,64"];

/// What to count.
#[derive(Args)]
pub(crate) struct Options {
    /// The number of sessions, and of tokens, that requests present in turn.
    #[arg(long, default_value_t = 100_000)]
    credentials: usize,
    /// The number of requests that are counted for each row.
    #[arg(long, default_value_t = 5_000)]
    requests: usize,
    /// Keeps the profile of each row in this directory, for `callgrind_annotate`.
    #[arg(long)]
    profiles: Option<PathBuf>,
}

/// Counts the instructions of a request to the bare route and to the protected route, with each kind of
/// credential, and prints them.
///
/// The request is served by hyper and axum over a connection in memory, so the kernel's work is not counted.
pub(crate) fn run(options: &Options) -> Result<()> {
    let dir = tempfile::Builder::new().prefix("counterfoil-bench-").tempdir()?;
    eprintln!("filling a store with {} sessions", options.credentials);
    let sessions = fill_store(&dir.path().join(STORE), options.credentials, 1)?;
    fs::write(dir.path().join(SESSION_TOKENS), sessions.join("\n"))?;
    eprintln!("issuing {} access tokens", options.credentials);
    issue_access_tokens(dir.path())?;
    issue_host_token(dir.path())?;

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "instructions", "above bare", "of bare", "cache misses", "above bare"]);
    for (credential, name) in [(Credential::Session, "session in a cookie"), (Credential::Jwt, "JWT")] {
        for credentials in [1, options.credentials] {
            let bare = count(options, dir.path(), Route::Bare, credential, credentials)?;
            if credentials == 1 && credential == Credential::Session {
                let layered = count(options, dir.path(), Route::Layered, credential, credentials)?;
                table.add_row(row("a layer that does nothing", &bare, &layered));
            }
            let protected = count(options, dir.path(), Route::Protected, credential, credentials)?;
            let name = if credentials == 1 { name.to_owned() } else { format!("  {credentials} in turn") };
            table.add_row(row(&name, &bare, &protected));
        }
    }
    // One token is presented before the counted requests, and each of these has one of its own.
    let requests = options.requests.min(options.credentials.saturating_sub(1)).max(1);
    let unseen = Options { requests, profiles: options.profiles.clone(), ..*options };
    let bare = count(&unseen, dir.path(), Route::Bare, Credential::Jwt, requests + 1)?;
    let protected = count(&unseen, dir.path(), Route::Protected, Credential::UnseenJwt, requests + 1)?;
    table.add_row(row("  not seen before, with its signature", &bare, &protected));
    for credentials in [1, options.credentials] {
        let credential = Credential::Session;
        let bare = count(options, dir.path(), Route::BareForwarded, credential, credentials)?;
        let forwarded = count(options, dir.path(), Route::ForwardAuth, credential, credentials)?;
        let name = if credentials == 1 {
            "forward authentication, session".to_owned()
        } else {
            format!("  {credentials} in turn")
        };
        table.add_row(row(&name, &bare, &forwarded));
    }
    let bare = count(options, dir.path(), Route::BareForwarded, Credential::HostToken, 1)?;
    let forwarded = count(options, dir.path(), Route::ForwardAuth, Credential::HostToken, 1)?;
    table.add_row(row("forward authentication, host token", &bare, &forwarded));
    println!("{}", table.trim_fmt());
    println!("\nFor each request; a cache miss is one of the last level, of 1 MiB.");
    Ok(())
}

fn row(name: &str, bare: &Counts, protected: &Counts) -> [String; 6] {
    [
        name.to_owned(),
        format!("{:.0}", protected.instructions),
        format!("{:.0}", protected.instructions - bare.instructions),
        format!("{:.3}", protected.instructions / bare.instructions),
        format!("{:.2}", protected.cache_misses),
        format!("{:.2}", protected.cache_misses - bare.cache_misses),
    ]
}

/// The counts for each request.
struct Counts {
    instructions: f64,
    /// Reads and writes of data that miss the last level of the simulated cache.
    cache_misses: f64,
}

/// Runs the requests of one row under callgrind. It counts only the requests after the warm-up.
fn count(
    options: &Options,
    dir: &Path,
    route: Route,
    credential: Credential,
    credentials: usize,
) -> Result<Counts> {
    use clap::ValueEnum as _;

    let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
    let route = name(route.to_possible_value()).context("every route has a name")?;
    let credential = name(credential.to_possible_value()).context("every credential has a name")?;
    eprintln!("counting {route}, {credential}, {credentials} in turn");
    let profile = match &options.profiles {
        Some(dir) => dir.join(format!("callgrind.out.{route}-{credential}-{credentials}")),
        None => PathBuf::from("/dev/null"),
    };
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--instr-atstart=no"]).args(CACHES);
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    command.arg(std::env::current_exe()?).arg("counted-requests").arg(dir).args([&route, &credential]);
    command.args([credentials, options.requests].map(|number| number.to_string())).env("RUST_LOG", "warn");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let report = run_counted(child.context("cannot run valgrind; install it")?)?;
    parse_counts(&report, options.requests).with_context(|| format!("valgrind reports no count: {report}"))
}

/// Switches the counting on while the process sends its requests, and returns callgrind's report.
fn run_counted(mut child: Child) -> Result<String> {
    let mut stdin = child.stdin.take().context("the process has no standard input")?;
    let mut lines =
        BufReader::new(child.stdout.take().context("the process has no standard output")?).lines();
    let mut wait_for = |state: &str| -> Result<()> {
        let line = lines.next().transpose()?;
        ensure!(line.as_deref() == Some(state), "the process is not {state}, it printed {line:?}");
        Ok(())
    };
    // Read while the process runs, so that it never waits for a full pipe.
    let stderr = child.stderr.take().context("the process has no standard error")?;
    let report = std::thread::spawn(move || read_to_end(stderr));
    let result = (|| {
        wait_for("ready")?;
        switch_counting(&child, "on")?;
        stdin.write_all(b"\n")?;
        wait_for("done")?;
        switch_counting(&child, "off")
    })();
    // The end of its standard input ends the process.
    drop(stdin);
    child.wait()?;
    let report = report.join().map_err(|_| anyhow::anyhow!("the report could not be read"))??;
    result.with_context(|| report.clone())?;
    Ok(report)
}

fn read_to_end(mut stderr: ChildStderr) -> std::io::Result<String> {
    let mut text = String::new();
    stderr.read_to_string(&mut text)?;
    Ok(text)
}

fn switch_counting(child: &Child, state: &str) -> Result<()> {
    let output = Command::new("callgrind_control").args(["--instr", state, &child.id().to_string()]).output();
    let output = output.context("cannot run callgrind_control, a part of valgrind")?;
    ensure!(output.status.success(), "callgrind_control: {}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// Reads the line `Collected : <instructions> <reads> <writes>` and three pairs of read and write misses, each after
/// the misses of instructions.
fn parse_counts(report: &str, requests: usize) -> Option<Counts> {
    let (_, collected) = report.lines().find_map(|line| line.split_once("Collected : "))?;
    let counts: Vec<f64> = collected.split_whitespace().map_while(|count| count.parse().ok()).collect();
    let [instructions, _, _, _, _, _, _, read_misses, write_misses] = *counts else { return None };
    let requests = requests as f64;
    Some(Counts {
        instructions: instructions / requests,
        cache_misses: (read_misses + write_misses) / requests,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_read_from_the_report_of_callgrind() {
        let report = "==7== Events    : Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw\n\
                      ==7== Collected : 2000 9 9 9 9 9 9 30 10\n";

        let counts = parse_counts(report, 10).unwrap();

        assert_eq!((counts.instructions, counts.cache_misses), (200.0, 4.0));
        assert!(parse_counts("==7== Collected : 2000\n", 10).is_none());
    }
}
