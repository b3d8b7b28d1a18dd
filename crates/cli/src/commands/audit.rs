//! `counterfoil audit`: lists and follows the audit log, with time, kind, reason and actor.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Args, Error, Subcommand};
use counterfoil::operator::{self, AuditEventView, AuditFilterRequest, ListResponse, TimeBound};
use counterfoil_core::model::audit_event::AuditEventKind;

use crate::admin_client::execute;
use crate::commands::audit_follow::follow;
use crate::commands::audit_table::{columns, row};
use crate::commands::pagination::{PageOptions, parse_user};
use crate::configuration::Configuration;
use crate::datetime::parse_bound;
use crate::error::CliError;

/// The commands for the audit log.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists audit events, the newest first. Those of one session are listed from its login to its end, which
    /// answers "why was I logged out?".
    List(ListOptions),
}

/// The options of `audit list`.
#[derive(Args)]
pub(crate) struct ListOptions {
    /// Only events of this user, by name or by id.
    #[arg(value_name = "USER", allow_hyphen_values = true, conflicts_with = "user", value_parser = parse_user)]
    name: Option<String>,
    /// The same as USER.
    #[arg(long, allow_hyphen_values = true)]
    user: Option<String>,
    /// Only events of this session, and events that ended all sessions while it was active.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    session: Option<String>,
    /// Only events of this kind, such as login_failed or "login failed"; may be given several times, or with commas.
    #[arg(
        long = "kind",
        value_name = "KIND",
        value_delimiter = ',',
        hide_possible_values = true,
        value_parser = KindParser,
    )]
    kinds: Vec<String>,
    /// Only events at this time or later: RFC 3339, a date or a date and a time (UTC), or how long ago, as 2h.
    #[arg(long, visible_alias = "since", value_name = "TIME", value_parser = |text: &str| parse_bound(text, TimeBound::From))]
    from: Option<u64>,
    /// Only events before this time, in the same forms. A date includes that day.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_bound(text, TimeBound::To))]
    to: Option<u64>,
    /// Print the newest events, the oldest of them first, and then each new one, until Ctrl-C. A server must run.
    #[arg(long, conflicts_with_all = ["to", "after"])]
    follow: bool,
    #[command(flatten)]
    page: PageOptions,
}

/// Parses the name of a kind, also as the table prints it: `login failed`. An error names the kinds, and the nearest one.
#[derive(Clone)]
struct KindParser;

impl KindParser {
    fn names() -> PossibleValuesParser {
        PossibleValuesParser::new(AuditEventKind::ALL.iter().map(|kind| kind.as_str()))
    }
}

impl TypedValueParser for KindParser {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        let name = value.to_string_lossy().trim().replace([' ', '-'], "_");
        Self::names().parse_ref(command, arg, OsStr::new(&name))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = AuditEventKind::ALL.iter().map(|kind| PossibleValue::new(kind.as_str()));
        Some(Box::new(names))
    }
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    let Command::List(options) = command;
    let ListOptions { name, user, session, kinds, from, to, follow: is_followed, page } = options;
    let filter = AuditFilterRequest { user: user.or(name), session, kinds, from, to };
    if is_followed {
        return follow(configuration, &filter, page.limit, page.json).await;
    }
    let (after, limit) = (page.after.clone(), Some(page.limit));
    let command = operator::Command::AuditList { filter, after, limit };
    let list: ListResponse<AuditEventView> = execute(configuration, command).await?;
    page.print(&list, columns(), row)
}
