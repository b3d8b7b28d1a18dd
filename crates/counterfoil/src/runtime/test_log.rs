//! Captures the log events of the current thread, for tests.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

/// Captures events of one level and of more severe ones. Spans are not captured.
#[derive(Debug, Clone)]
pub(crate) struct CapturedLogs {
    level: Level,
    text: Arc<Mutex<String>>,
}

impl CapturedLogs {
    /// Captures the events of this thread for as long as the guard is held.
    pub(crate) fn capture(level: Level) -> (Self, DefaultGuard) {
        let logs = Self { level, text: Arc::default() };
        let guard = tracing::subscriber::set_default(logs.clone());
        (logs, guard)
    }

    /// All captured events, each field as `name=value`.
    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

impl Subscriber for CapturedLogs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut FieldWriter(&mut self.text.lock().unwrap()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Writes the fields of an event to a string.
struct FieldWriter<'a>(&'a mut String);

impl Visit for FieldWriter<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, "{field}={value} ").unwrap();
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}
