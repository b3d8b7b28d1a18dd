//! Why the latest sessions ended, for the log: a revoked access token says only which session it belongs to.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::PoisonError;

use counterfoil_verify::SessionId;

use crate::model::session::EndReason;
use crate::store::session_cache::id_hasher::IdHasher;
use crate::store::session_cache::sync::{Mutex, MutexGuard};

/// How many ends are remembered: about 1 MiB. Of sessions that ended before, only the end is known.
const MAX_REMEMBERED: usize = 1 << 14;

/// The reasons of the latest ends. Only commits that end sessions and requests with a revoked token lock it.
#[derive(Default)]
pub(super) struct EndReasons(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    by_session: HashMap<SessionId, EndReason, BuildHasherDefault<IdHasher>>,
    /// The oldest first.
    order: VecDeque<SessionId>,
}

impl EndReasons {
    /// Remembers these ends and forgets the oldest ones.
    pub(super) fn record(&self, ended: impl IntoIterator<Item = (SessionId, EndReason)>) {
        let mut latest = self.lock();
        for (session, reason) in ended {
            // The first reason stays: a session ends once.
            if latest.by_session.contains_key(&session) {
                continue;
            }
            if latest.order.len() >= MAX_REMEMBERED
                && let Some(oldest) = latest.order.pop_front()
            {
                latest.by_session.remove(&oldest);
            }
            latest.order.push_back(session);
            latest.by_session.insert(session, reason);
        }
    }

    /// Why this session ended, if it is among the latest.
    pub(super) fn find(&self, session: SessionId) -> Option<EndReason> {
        self.lock().by_session.get(&session).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: usize) -> SessionId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        SessionId::from_bytes(bytes)
    }

    #[test]
    fn the_latest_ends_are_remembered_and_the_memory_is_bounded() {
        let reasons = EndReasons::default();

        for number in 0..=MAX_REMEMBERED {
            reasons.record([(session(number), EndReason::Logout), (session(number), EndReason::ByAdmin)]);
        }

        assert_eq!(reasons.find(session(0)), None);
        assert_eq!(reasons.find(session(1)), Some(EndReason::Logout));
        assert_eq!(reasons.find(session(MAX_REMEMBERED)), Some(EndReason::Logout));
        assert_eq!(reasons.lock().by_session.len(), MAX_REMEMBERED);
    }
}
