//! A cached session.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::Principal;

use crate::credentials::session_token::TokenHash;
use crate::model::session::{Session, touch_interval};
use crate::store::session_cache::slots::Slot;

/// An active cookie session with what it was verified by.
pub(super) struct LiveSession {
    pub(super) token_hash: TokenHash,
    pub(super) principal: Principal,
    /// The state of its user at that time.
    pub(super) user: Arc<Slot>,
    /// The version of the cutoffs at that time.
    pub(super) cutoff_version: u64,
    /// When the next update of `seen_at` is due. Earlier uses change nothing.
    pub(super) touch_at: Time,
    /// When it expires if it is not used again.
    pub(super) ends_at: Time,
    idle: Duration,
    expires_at: Time,
}

impl LiveSession {
    /// The session with this token hash, verified with this user and this version of the cutoffs.
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

    /// Records a use at `now`. `false` if no update is due, since another use was first.
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
