//! The log of a test.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

/// Captures events of one level and of more severe ones. Spans are not captured.
#[derive(Debug, Clone)]
pub struct CapturedLogs {
    level: Level,
    text: Arc<Mutex<String>>,
}

impl CapturedLogs {
    /// Captures the events of this thread for as long as the guard is held.
    pub fn capture(level: Level) -> (Self, DefaultGuard) {
        let logs = Self { level, text: Arc::default() };
        let guard = tracing::subscriber::set_default(logs.clone());
        (logs, guard)
    }

    /// All captured events, each field as `name=value`, an event a line.
    pub fn text(&self) -> String {
        self.lines().clone()
    }

    /// A thread that has panicked has written whole fields.
    fn lines(&self) -> MutexGuard<'_, String> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut lines = self.lines();
        event.record(&mut FieldWriter(&mut lines));
        lines.push('\n');
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Writes the fields of an event to a string.
struct FieldWriter<'a>(&'a mut String);

impl Visit for FieldWriter<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{field}={value} ");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}
