//! Changes of sessions: their replacement, their ends, the audit events of their ends, and their data.

use serde_json::{Map, Value};

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::model::session::Session;
use counterfoil_core::store::SessionEnding;
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationSubject, SessionId, UserId};

use super::Application;
use crate::tables::audit_events;
use crate::tables::revocation_log::NewEntry;
use crate::tables::session_data::{self, MergePatch};
use crate::tables::sessions::{end, find_user_and_client, row};

impl Application<'_> {
    /// Replaces a session; the new revision may have ended.
    pub(super) fn replace_session(&mut self, session: &Session) -> rusqlite::Result<bool> {
        if let Some(end) = session.ended {
            self.applied.ended_sessions.push(session.id);
            self.applied.end_reasons.push(end.reason);
        }
        row::replace(self.connection, session)
    }

    /// Ends a session, unless it has ended before.
    pub(super) fn end_session(
        &mut self,
        session: SessionId,
        ending: SessionEnding,
    ) -> rusqlite::Result<bool> {
        if end::end(self.connection, session, ending.end)? {
            self.append_end(session, ending);
        }
        Ok(true)
    }

    /// Ends every session of a user except `except`.
    pub(super) fn end_sessions(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        ending: SessionEnding,
    ) -> rusqlite::Result<bool> {
        for session in end::end_all_of_user(self.connection, user, except, ending.end)? {
            self.append_end(session, ending);
        }
        Ok(true)
    }

    /// Ends the active sessions of a user except `except` and the `keep` newest of the others.
    pub(super) fn end_oldest_sessions(
        &mut self,
        user: UserId,
        except: SessionId,
        keep: u32,
        ending: SessionEnding,
    ) -> rusqlite::Result<bool> {
        for session in end::end_oldest_of_user(self.connection, user, except, keep, ending.end)? {
            self.append_end(session, ending);
        }
        Ok(true)
    }

    /// Adds the revocation log entry of a session that was ended.
    fn append_end(&mut self, session: SessionId, ending: SessionEnding) {
        self.applied.ended_sessions.push(session);
        self.applied.end_reasons.push(ending.end.reason);
        self.entries.push(NewEntry {
            subject: RevocationSubject::Session(session),
            reason: ending.end.reason,
            revoked_at: ending.end.at,
            expires_at: Some(ending.remember_until),
        });
    }

    /// Records `event` for each session that this commit has ended and that has no such event yet.
    pub(super) fn record_session_ends(&mut self, event: &AuditEvent) -> rusqlite::Result<bool> {
        for session in &self.applied.ended_sessions[self.recorded_ends..] {
            let (user, client) = find_user_and_client(self.connection, *session)?;
            let event = AuditEvent { user: Some(user), ..event.clone() }.with_session(*session, client);
            audit_events::insert(self.connection, &event)?;
        }
        self.recorded_ends = self.applied.ended_sessions.len();
        Ok(true)
    }

    /// Merges a patch into the data of a session, and keeps the result for the caller.
    pub(super) fn merge_data(
        &mut self,
        session: SessionId,
        patch: &Map<String, Value>,
        expected: Option<u64>,
        limit: usize,
        now: Time,
    ) -> rusqlite::Result<bool> {
        let merge = MergePatch { session, patch, expected, limit, now };
        let merged = session_data::merge(self.connection, &merge)?;
        let is_merged = merged.is_some();
        self.applied.session_data = merged.or(self.applied.session_data.take());
        Ok(is_merged)
    }
}
