//! The page: every metric of an installation, put together when somebody asks for it.

use std::fmt;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use counterfoil_core::model::audit_event::AuditEventKind;

use crate::app::App;
use crate::app::readiness::Missing;
use crate::counters::{CARRIERS, OUTCOMES, Outcome, Outcomes};
use crate::metrics::encoder::Sheet;
use crate::metrics::process;
use crate::runtime::panics::panic_count;

impl App {
    /// Every metric, as OpenMetrics text: for a host that serves its own page. [`crate::metrics::serve`] is for
    /// those who have none. It holds no secret and nothing that a client chose; how many log in is nobody else's
    /// business all the same.
    ///
    /// `docs/operate.md` tells what each of them means.
    pub async fn metrics(&self) -> String {
        let mut registry = Registry::default();
        let missing = self.missing().await;
        registry.register_collector(Box::new(Page { app: self.clone(), missing }));
        let mut text = String::new();
        encode(&mut text, &registry).expect("a String takes all that is written to it");
        text
    }
}

/// One reading of everything.
#[derive(Debug)]
struct Page {
    app: App,
    missing: Vec<Missing>,
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sheet = &mut Sheet(encoder);
        self.installation(sheet)?;
        self.attempts(sheet)?;
        self.logins(sheet)?;
        self.verifications(sheet)?;
        self.hashing(sheet)?;
        self.store(sheet)?;
        self.requests(sheet)?;
        process::tell(sheet)
    }
}

impl Page {
    fn installation(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        sheet
            .gauges("counterfoil_build_info", "1, with the version", |row| row(&[("version", version)], 1))?;
        let started = self.app.started.unix_seconds();
        sheet.gauge("counterfoil_start_time_seconds", "When it was opened, in Unix seconds", started)?;
        sheet.gauges("counterfoil_missing", "1 for what keeps it from being ready", |row| {
            Missing::ALL.iter().try_for_each(|missing| {
                row(&[("what", missing.as_str())], u64::from(self.missing.contains(missing)))
            })
        })?;
        let unsettled = u64::from(!self.app.clock.may_issue());
        sheet.gauge(
            "counterfoil_clock_unsettled",
            "1 while a leap of the clock keeps us from issuing",
            unsettled,
        )?;
        sheet.counter(
            "counterfoil_panics",
            "Panics of handlers, answered with 500, and of work beside the requests, begun again",
            panic_count(),
        )
    }

    fn attempts(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let metrics = &self.app.tally;
        outcomes(sheet, "counterfoil_logins", "Attempts to log in, by how they ended", &metrics.logins)?;
        outcomes(sheet, "counterfoil_registrations", "Attempts to register", &metrics.registrations)?;
        outcomes(
            sheet,
            "counterfoil_password_changes",
            "Attempts to change a password",
            &metrics.password_changes,
        )?;
        let (rotated, repeated) =
            (metrics.journal.events(AuditEventKind::Refreshed), self.app.issuer.repeated());
        sheet.counters("counterfoil_refreshes", "Refresh tokens that were shown, by the judgement", |row| {
            row(&[("judgement", "rotated")], rotated)?;
            row(&[("judgement", "repeated")], repeated)?;
            let others = Outcome::ALL.into_iter().filter(|(outcome, _)| *outcome != Outcome::Accepted);
            others
                .into_iter()
                .try_for_each(|(outcome, word)| row(&[("judgement", word)], metrics.refreshes.of(outcome)))
        })
    }

    fn logins(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let journal = &self.app.tally.journal;
        sheet.counters("counterfoil_sessions_opened", "Logins that began, by mode", |row| {
            journal.opened().try_for_each(|(mode, count)| row(&[("mode", mode.as_str())], count))
        })?;
        sheet.counters("counterfoil_sessions_ended", "Logins that were ended, by cause", |row| {
            journal.ended().try_for_each(|(cause, count)| row(&[("cause", cause.as_str())], count))
        })?;
        sheet.counters("counterfoil_events", "Lines of the journal, by kind", |row| {
            let kinds = AuditEventKind::ALL.iter();
            kinds.copied().try_for_each(|kind| row(&[("kind", kind.as_str())], journal.events(kind)))
        })?;
        sheet.counter(
            "counterfoil_log_entries",
            "Entries appended to the log of revocations",
            journal.entries(),
        )?;
        let revocations = self.app.memory.revocations();
        sheet.gauge(
            "counterfoil_log_head",
            "The head of the log of revocations",
            revocations.head().number(),
        )?;
        sheet.gauge("counterfoil_revocations", "Revocations that are remembered", revocations.len())
    }

    fn verifications(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let tally = &self.app.tally.verifications;
        sheet.counters("counterfoil_verifications", "Credentials that were judged", |row| {
            for (carrier, name) in CARRIERS.into_iter().enumerate() {
                for (outcome, word) in OUTCOMES.into_iter().enumerate() {
                    row(&[("carrier", name), ("outcome", word)], tally.of(carrier, outcome))?;
                }
            }
            Ok(())
        })?;
        let (hits, misses) = tally.hits_and_misses();
        sheet.counters(
            "counterfoil_memory_lookups",
            "Session tokens judged from memory, or by the store",
            |row| {
                row(&[("result", "hit")], hits)?;
                row(&[("result", "miss")], misses)
            },
        )?;
        sheet.gauge(
            "counterfoil_memory_sessions",
            "Sessions that are judged from memory",
            self.app.memory.len(),
        )?;
        let tokens = self.app.verifier.tokens();
        sheet.counter(
            "counterfoil_token_signatures",
            "Access tokens that were good by their signature; other good ones were remembered",
            tokens.signatures(),
        )?;
        sheet.gauge("counterfoil_tokens_remembered", "Access tokens that are remembered", tokens.remembered())
    }

    fn hashing(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let pool = &self.app.hashing;
        let metrics = pool.metrics();
        sheet.gauge("counterfoil_hash_queue", "Passwords that wait to be hashed", pool.queue_length())?;
        sheet.gauge(
            "counterfoil_hash_threads_warm",
            "Threads that hold memory to hash in",
            pool.allocated_threads(),
        )?;
        sheet.durations("counterfoil_hash_wait", "How long passwords waited", &metrics.queue_time)?;
        sheet.durations("counterfoil_hash", "How long the hashing of one took", &metrics.duration)?;
        sheet.counters(
            "counterfoil_hash_refusals",
            "Passwords that were not hashed, since too many waited",
            |row| {
                row(&[("reason", "full")], metrics.rejected_queue_full.get())?;
                row(&[("reason", "late")], metrics.rejected_timeout.get())
            },
        )
    }

    fn store(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let figures = self.app.store.figures();
        sheet.durations("counterfoil_store_read", "How long readings of the store took", &figures.reads)?;
        let commits = "How long orders to write waited until they were durable";
        sheet.durations("counterfoil_store_commit", commits, &figures.commits)?;
        let transactions = "How long transactions took; orders in one share its sync";
        sheet.durations("counterfoil_store_transaction", transactions, &figures.transactions)?;
        let waiting = figures.waiting.load(Ordering::Relaxed);
        sheet.gauge("counterfoil_store_queue", "Orders to write that wait or are being written", waiting)?;
        let failed = figures.failed.load(Ordering::Relaxed);
        sheet.counter("counterfoil_store_failures", "Orders to write that failed", failed)
    }

    fn requests(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let metrics = &self.app.tally;
        let routes = metrics.requests.all();
        sheet.counters("counterfoil_requests", "Requests that were answered", |row| {
            for route in &routes {
                for (method, status, count) in route.counted() {
                    row(&[("route", route.path), ("method", method), ("status", &status)], count)?;
                }
            }
            Ok(())
        })?;
        sheet.durations_of("counterfoil_request", "How long answers took", |row| {
            let counted = routes.iter().map(|route| (route.path, route.took.counted()));
            let used = counted.filter(|(_, counted)| counted.count() > 0);
            used.into_iter().try_for_each(|(path, counted)| row(&[("route", path)], counted))
        })?;
        let (open, refused) = metrics.connections.counted();
        sheet.gauge("counterfoil_connections", "Open connections", open)?;
        let most = self.app.settings().limits.connections;
        sheet.gauge("counterfoil_connections_most", "How many may be open", most)?;
        sheet.counter("counterfoil_connections_refused", "Connections closed for want of a place", refused)
    }
}

fn outcomes(sheet: &mut Sheet<'_>, name: &str, help: &str, of: &Outcomes) -> fmt::Result {
    sheet.counters(name, help, |row| {
        Outcome::ALL.into_iter().try_for_each(|(outcome, word)| row(&[("outcome", word)], of.of(outcome)))
    })
}
