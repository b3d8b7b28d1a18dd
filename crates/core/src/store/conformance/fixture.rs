//! Test data of the conformance suite: records, times, and commits that must or must not apply.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::session::sample::cookie_session;
use crate::model::session::{ClientInfo, EndReason, Session, SessionEnd};
use crate::model::user::{User, Username};
use crate::store::{
    AppliedChanges, Change, CommitOutcome, Expectation, RevocationLogPage, SessionEnding, Store, StoreError,
    Transaction, TransactionPart,
};

pub(super) use crate::model::session::sample::NOON;

/// Longer than every lifetime of [`session`].
pub(super) const YEAR: Duration = Duration::from_secs(365 * 86_400);

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// The answer of a store, which must not fail.
pub(super) fn answer<T>(result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| panic!("the store failed: {error:?}"))
}

/// Commits changes that must apply.
pub(super) async fn applied(store: &Arc<dyn Store>, changes: &[Change]) -> AppliedChanges {
    match answer(store.commit(&Transaction::new(changes)).await) {
        CommitOutcome::Applied(applied) => applied,
        CommitOutcome::Conflict(part) => panic!("{part:?} of {changes:?} conflicts"),
    }
}

/// Commits changes that must not apply. Returns the index of the change that failed.
pub(super) async fn conflict(store: &Arc<dyn Store>, changes: &[Change]) -> usize {
    match rejected(store, &Transaction::new(changes)).await {
        TransactionPart::Change(index) => index,
        TransactionPart::Expectation(_) => panic!("the transaction expects nothing"),
    }
}

/// Commits a transaction that must not apply. Returns the part that conflicts.
pub(super) async fn rejected(store: &Arc<dyn Store>, transaction: &Transaction) -> TransactionPart {
    match answer(store.commit(transaction).await) {
        CommitOutcome::Applied(_) => panic!("{transaction:?} was applied"),
        CommitOutcome::Conflict(part) => part,
    }
}

/// Whether an expectation holds in the store.
pub(super) async fn holds(store: &Arc<dyn Store>, expectation: Expectation) -> bool {
    let transaction = Transaction::default().expecting([expectation]);
    match answer(store.commit(&transaction).await) {
        CommitOutcome::Applied(_) => true,
        CommitOutcome::Conflict(part) => {
            assert_eq!(part, TransactionPart::Expectation(0));
            false
        }
    }
}

/// The revocation log after `after`, in one page.
pub(super) async fn revocation_log_after(
    store: &Arc<dyn Store>,
    after: RevocationPosition,
) -> RevocationLogPage {
    let page = answer(store.revocation_log_after(after, NonZeroU32::MAX).await);
    assert_eq!(page.next, None);
    page
}

pub(super) fn user_id(number: u16) -> UserId {
    UserId::from_bytes(id_bytes(number))
}

pub(super) fn session_id(number: u16) -> SessionId {
    SessionId::from_bytes(id_bytes(number))
}

/// Spread over the whole range, as random ids are.
fn id_bytes(number: u16) -> [u8; 16] {
    (u128::from(number).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)).to_be_bytes()
}

/// A user with a unique name.
pub(super) fn user(number: u16) -> User {
    User::new(user_id(number), name(&format!("user{number:05}")), NOON)
}

pub(super) fn name(text: &str) -> Username {
    text.parse().expect("the usernames of the fixture are valid")
}

/// A [`cookie_session`] of that user.
pub(super) fn session(number: u16, user: u16) -> Session {
    cookie_session(session_id(number), user_id(user))
}

/// The session after one more use.
pub(super) fn used(session: &Session, at: Time) -> Session {
    Session { seen_at: at, revision: session.revision + 1, ..session.clone() }
}

pub(super) fn ending(at: Time, reason: EndReason) -> SessionEnding {
    SessionEnding { end: SessionEnd { at, reason }, remember_until: at + HOUR }
}

pub(super) fn insert_user(user: User) -> Change {
    Change::insert_user(user)
}

pub(super) fn insert(session: Session) -> Change {
    Change::insert_session(session)
}

pub(super) fn replace(session: Session) -> Change {
    Change::replace_session(session)
}

pub(super) fn end(session: u16, at: Time) -> Change {
    Change::end_session(session_id(session), ending(at, EndReason::Logout))
}

pub(super) fn record(user: u16, session: u16, at: Time) -> Change {
    let event =
        AuditEvent::by_user(AuditEventKind::LoginSucceeded, user_id(user), &ClientInfo::default(), at);
    Change::record_event(event.with_session(session_id(session), ClientId::default()))
}

/// Inserts user 1 and their session 1, and returns the session.
pub(super) async fn one_login(store: &Arc<dyn Store>) -> Session {
    let session = session(1, 1);
    let _ = applied(store, &[insert_user(user(1)), insert(session.clone())]).await;
    session
}

/// A random number generator with a seed, so that a case that fails can be repeated.
pub(super) struct TestRng(u64);

impl TestRng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `limit` (xorshift64*).
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or(0) % limit
    }

    pub(super) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    pub(super) fn maybe<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(3) > 0).then(|| some(self))
    }

    /// A text with characters that often cause errors.
    pub(super) fn text(&mut self) -> String {
        let parts = [
            "",
            "a",
            "Zoë",
            "ﬀ",
            "🔑",
            "'; DROP TABLE users; --",
            "\"\\",
            "%_",
            "\u{1}",
            "\u{202e}",
            "\n",
            "ß",
        ];
        (0..self.below(4)).map(|_| self.one_of(&parts)).collect()
    }

    /// A count, often near a limit of a column type.
    pub(super) fn count(&mut self) -> u64 {
        self.one_of(&[0, 1, 2, u64::from(u32::MAX), 1 << 53, (1 << 53) + 1, i64::MAX as u64])
    }

    pub(super) fn time(&mut self) -> Time {
        Time::from_unix_ms(self.count())
    }
}
