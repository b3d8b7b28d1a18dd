//! The text format of log lines: a request as one short sentence, everything else as a message with fields.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::datetime;
use crate::escape::escape_controls;

/// The target of the lines of the request log.
const REQUESTS: &str = "counterfoil::requests";

/// The longest line of a request on a terminal, in columns.
const MAX_COLUMNS: usize = 100;

/// The fields of a request that its sentence contains.
const IN_SENTENCE: [&str; 5] = ["status", "method", "route", "error.code", "error.message"];

/// How much a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextFormat {
    /// For a person who watches: the time of day, and of a request only what happened, in 100 columns.
    Short,
    /// For a file or the journal: the date, and all fields.
    Full,
}

/// The fields of an event.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record(field, format!("{value:?}"));
    }
}

impl Fields {
    fn record(&mut self, field: &Field, value: String) {
        // Clients influence some values, and must not control the operator's terminal or forge lines.
        let value = escape_controls(&value);
        match field.name() {
            "message" => self.message = value,
            name => self.others.push((name, value)),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// `401 GET /v1/me revoked: session ended by logout`.
    fn sentence(&self) -> String {
        let [status, method, route, reason] =
            ["status", "method", "route", "error.message"].map(|name| self.get(name).unwrap_or_default());
        format!("{status} {method} {route} {reason}").trim_end().to_owned()
    }

    /// The sentence; of a request that succeeded with the duration.
    fn sentence_with_duration(&self) -> String {
        match (self.get("error.message"), self.get("duration_ms")) {
            (None, Some(duration)) => format!("{} {duration} ms", self.sentence()),
            (Some(_), _) | (None, None) => self.sentence(),
        }
    }
}

impl<S, N> FormatEvent<S, N> for TextFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = Line {
            level: *event.metadata().level(),
            is_request: event.metadata().target() == REQUESTS,
            fields,
        };
        let is_coloured = writer.has_ansi_escapes();
        match self {
            Self::Short => writeln!(writer, "{}", line.short(datetime::now(), is_coloured)),
            Self::Full => {
                write!(writer, "{}", line.full(&datetime::rfc3339_with_milliseconds(), is_coloured))?;
                // The line of a request has the fields of its span already.
                let scope = context.event_scope().filter(|_| !line.is_request);
                for span in scope.into_iter().flat_map(|scope| scope.from_root()) {
                    if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                        write!(writer, " {}", fields.fields)?;
                    }
                }
                writeln!(writer)
            }
        }
    }
}

/// An event, to be written.
struct Line {
    level: Level,
    is_request: bool,
    fields: Fields,
}

impl Line {
    fn short(&self, now: i64, is_coloured: bool) -> String {
        let time = time_of_day(now);
        if !self.is_request {
            let level =
                coloured(level_colour(self.level), &format!("{:<5}", self.level.as_str()), is_coloured);
            return format!("{} {level} {}", dimmed(&time, is_coloured), self.message_with_fields(&[]));
        }
        let sentence = self.fields.sentence_with_duration();
        // The cause of an error of the server is worth more than a short line.
        let room = if self.level == Level::ERROR { usize::MAX } else { MAX_COLUMNS - time.len() - 1 };
        let sentence = cut(&sentence, room);
        let (status, rest) = sentence.split_once(' ').unwrap_or((&sentence, ""));
        let status = coloured(status_colour(status), status, is_coloured);
        format!("{} {status} {rest}", dimmed(&time, is_coloured))
    }

    fn full(&self, time: &str, is_coloured: bool) -> String {
        let level = coloured(level_colour(self.level), &format!("{:<5}", self.level.as_str()), is_coloured);
        let time = dimmed(time, is_coloured);
        if self.is_request {
            let fields = self.fields_except(&IN_SENTENCE);
            return format!("{time} {level} {}{fields}", self.fields.sentence());
        }
        format!("{time} {level} {}", self.message_with_fields(&[]))
    }

    fn message_with_fields(&self, except: &[&str]) -> String {
        format!("{}{}", self.fields.message, self.fields_except(except))
    }

    /// ` name=value` for each other field; a value with a space is in quotes.
    fn fields_except(&self, except: &[&str]) -> String {
        let mut text = String::new();
        for (name, value) in self.fields.others.iter().filter(|(name, _)| !except.contains(name)) {
            // Writing to a string does not fail.
            let _ = match value.contains(' ') && !value.starts_with('"') {
                true => write!(text, " {name}={value:?}"),
                false => write!(text, " {name}={value}"),
            };
        }
        text
    }
}

/// The first characters of a text, with `…` in place of the rest.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The time of day in UTC.
fn time_of_day(unix_seconds: i64) -> String {
    let second = unix_seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// A colour of ECMA-48, as its parameter.
const fn level_colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "35",
    }
}

fn status_colour(status: &str) -> &'static str {
    match status.as_bytes().first() {
        Some(b'2') => "32",
        Some(b'3') => "36",
        Some(b'4') => "33",
        _ => "31",
    }
}

fn dimmed(text: &str, is_coloured: bool) -> String {
    coloured("2", text, is_coloured)
}

fn coloured(colour: &str, text: &str, is_coloured: bool) -> String {
    if is_coloured { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_764_000_000 - 14_400;

    fn request(level: Level, fields: &[(&'static str, &str)]) -> Line {
        let others = fields.iter().map(|(name, value)| (*name, escape_controls(value))).collect();
        Line { level, is_request: true, fields: Fields { message: "answered".into(), others } }
    }

    fn revoked() -> Line {
        request(
            Level::INFO,
            &[
                ("request_id", "HCmBuZ4eEkhNQPZ1"),
                ("method", "GET"),
                ("route", "/v1/me"),
                ("status", "401"),
                ("duration_ms", "0.412"),
                ("client", "127.0.0.1"),
                ("error.code", "revoked"),
                ("error.message", "revoked: session ended by logout"),
            ],
        )
    }

    #[test]
    fn a_refused_request_is_a_sentence_with_its_reason() {
        assert_eq!(revoked().short(NOON, false), "12:00:00 401 GET /v1/me revoked: session ended by logout");
        assert_eq!(
            revoked().full("2025-11-24T12:00:00.000Z", false),
            "2025-11-24T12:00:00.000Z INFO  401 GET /v1/me revoked: session ended by logout \
             request_id=HCmBuZ4eEkhNQPZ1 duration_ms=0.412 client=127.0.0.1"
        );
    }

    #[test]
    fn a_request_that_succeeds_shows_its_duration() {
        let fields = [("method", "GET"), ("route", "/v1/me"), ("status", "200"), ("duration_ms", "0.412")];

        assert_eq!(request(Level::INFO, &fields).short(NOON, false), "12:00:00 200 GET /v1/me 0.412 ms");
        assert_eq!(
            request(Level::INFO, &fields).short(NOON, true),
            "\u{1b}[2m12:00:00\u{1b}[0m \u{1b}[32m200\u{1b}[0m GET /v1/me 0.412 ms"
        );
    }

    #[test]
    fn a_full_line_says_nothing_twice() {
        let fields = [("method", "GET"), ("route", "/v1/me"), ("status", "200"), ("duration_ms", "0.412")];

        assert_eq!(
            request(Level::INFO, &fields).full("2025-11-24T12:00:00.000Z", false),
            "2025-11-24T12:00:00.000Z INFO  200 GET /v1/me duration_ms=0.412"
        );
    }

    #[test]
    fn a_short_line_has_100_columns_unless_the_server_failed() {
        let reason = "x".repeat(200);
        let fields =
            [("method", "GET"), ("route", "/"), ("status", "403"), ("error.message", reason.as_str())];

        let cut = request(Level::INFO, &fields).short(NOON, false);
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (MAX_COLUMNS, true), "{cut}");
        assert!(request(Level::ERROR, &fields).short(NOON, false).ends_with(&reason));
    }

    #[test]
    fn what_clients_send_controls_no_terminal_and_makes_no_line() {
        let line = request(Level::INFO, &[("status", "403"), ("error.message", "a\u{1b}[2J\nINFO forged")]);

        for text in [line.short(NOON, false), line.full("", false)] {
            assert!(!text.contains(['\u{1b}', '\n']), "{text:?}");
        }
    }

    #[test]
    fn other_lines_have_a_message_and_fields() {
        let fields = Fields {
            message: "serving".into(),
            others: vec![("address", "127.0.0.1:3000".into()), ("store", "a b".into())],
        };
        let line = Line { level: Level::WARN, is_request: false, fields };

        assert_eq!(line.short(NOON, false), "12:00:00 WARN  serving address=127.0.0.1:3000 store=\"a b\"");
    }
}
