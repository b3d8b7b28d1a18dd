//! One live session, as far as a request needs it.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::Principal;

use crate::credentials::session_token::TokenHash;
use crate::model::session::{Session, touch_interval};
use crate::store::session_cache::slots::Slot;

/// A cookie session that was found live, and what it was judged by.
pub(super) struct LiveSession {
    pub(super) token_hash: TokenHash,
    pub(super) principal: Principal,
    /// Its user, as it was then.
    pub(super) user: Arc<Slot>,
    /// The age of the marks by which it was judged.
    pub(super) cutoff_version: u64,
    /// From when on a use is worth a write. Earlier uses change nothing here.
    pub(super) touch_at: Time,
    /// When it is over if it is not used any more.
    pub(super) ends_at: Time,
    idle: Duration,
    expires_at: Time,
}

impl LiveSession {
    /// The session with this digest, judged by `user` and by marks of that age.
    pub(super) fn new(
        session: &Session,
        token_hash: TokenHash,
        principal: Principal,
        user: Arc<Slot>,
        cutoff_version: u64,
    ) -> Self {
        Self {
            token_hash,
            principal,
            user,
            cutoff_version,
            touch_at: session.seen_at + session.touch_interval(),
            ends_at: session.ends_at(),
            idle: session.idle,
            expires_at: session.expires_at,
        }
    }

    /// Moves its last use to `now`; `false` if another use came first and there is nothing to write down.
    pub(super) fn touch(&mut self, now: Time) -> bool {
        if now < self.touch_at {
            return false;
        }
        self.touch_at = now + touch_interval(self.idle);
        self.ends_at = self.expires_at.min(now + self.idle);
        self.principal = self.principal.with_expires_at(self.ends_at);
        true
    }
}
