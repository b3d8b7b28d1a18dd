//! `counterfoil rate-limit`: shows and releases what the rate limits count.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use counterfoil::operator::{self, AccountCounterView, RateLimitsResponse};

use crate::admin_client::execute;
use crate::argument_value::ip_address;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::table::{print_table, time};

/// The commands for rate limits.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows what is counted for an account, for a client IP, or for both: why requests are rejected, and until when.
    Show(Options),
    /// Forgets what `show` shows, so that the account or the client IP is not blocked any more.
    Release(Options),
}

/// Whose counters are shown or released.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: Target,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// An account, a client IP, or both.
#[derive(Args)]
#[group(required = true, multiple = true)]
struct Target {
    /// The name that is typed to log in, or the id of a user. Without --ip, what is counted from the client IPs of recent
    /// failures in the audit log is included.
    #[arg(allow_hyphen_values = true)]
    username: Option<String>,
    /// A client IP. Without a name: what is counted for it with any account.
    #[arg(long, value_name = "IP", value_parser = ip_address)]
    ip: Option<IpAddr>,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Show(Options { target: Target { username, ip }, json, .. }) => {
            let command = operator::Command::RateLimitShow { username, ip };
            let answer: RateLimitsResponse = execute(configuration, command).await?;
            if json { print_json(&answer) } else { print_counters(&answer.rate_limits) }
        }
        Command::Release(Options { target: Target { username, ip }, json, .. }) => {
            let command = operator::Command::RateLimitRelease { username, ip };
            let answer: RateLimitsResponse = execute(configuration, command).await?;
            if json {
                return print_json(&answer);
            }
            let released = answer.rate_limits.iter().filter(|counter| counter.count > 0).count();
            let blocked = answer.rate_limits.iter().filter(|counter| counter.blocked_until.is_some()).count();
            print_line(&format!("released {released} counters, of which {blocked} had reached their limit"))
        }
    }
}

/// Prints counters as a table.
pub(crate) fn print_counters(counters: &[AccountCounterView]) -> Result<(), CliError> {
    let header = ["counted", "for", "count", "limit", "resets", "blocked until"];
    print_table(header, counters.iter().map(row))
}

/// A counter as a row.
fn row(counter: &AccountCounterView) -> [String; 6] {
    let max = counter.max.map_or_else(|| "off".to_owned(), |max| format!("{max} in {} s", counter.window));
    let subject = match (&counter.login_name, &counter.client_ip) {
        (Some(name), Some(ip)) => format!("{name} from {ip}"),
        (Some(name), None) => name.clone(),
        (None, Some(ip)) => ip.clone(),
        (None, None) => "the user".to_owned(),
    };
    let (resets_at, blocked_until) = (time(counter.resets_at), time(counter.blocked_until));
    [counter.event.clone(), subject, counter.count.to_string(), max, resets_at, blocked_until]
}
