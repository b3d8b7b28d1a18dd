//! The journal as it is told: by user, by session, and for a session with what ended everybody.

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery, StoreError};

use crate::app::App;

/// One line, with its number.
pub(crate) type Line = (AuditEventNumber, AuditEvent);

impl App {
    /// The lines that are asked for, the newest first.
    ///
    /// A mark ends logins without naming them. So among the lines of a session stand those that ended all of
    /// its client's, or everybody's, while it lived: whoever asks why somebody was logged out finds it there.
    pub(crate) async fn journal(&self, query: &AuditEventQuery) -> Result<Vec<Line>, StoreError> {
        let mut lines = self.store.events(query).await?;
        if query.session.is_none() || lines.is_empty() {
            return Ok(lines);
        }
        let marks = AuditEventQuery { marks: true, user: None, session: None, ..query.clone() };
        let marks = self.store.events(&marks).await?;
        lines.extend(marks.into_iter().filter(|mark| concerns(mark, &lines)).collect::<Vec<_>>());
        lines.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        lines.truncate(query.limit as usize);
        Ok(lines)
    }
}

/// Whether `mark` came while the session of `lines`, the newest first, lived.
fn concerns((number, mark): &Line, lines: &[Line]) -> bool {
    let began = lines.last().map_or(0, |(number, _)| *number);
    let ended = lines.iter().rev().find(|(_, line)| is_an_end(line)).map(|(number, _)| *number);
    let is_of_it = mark.client.is_none() || lines.iter().any(|(_, line)| line.client == mark.client);
    is_of_it && *number > began && ended.is_none_or(|ended| *number < ended)
}

fn is_an_end(line: &AuditEvent) -> bool {
    matches!(line.kind, AuditEventKind::SessionEnded | AuditEventKind::RefreshReplayed)
}
