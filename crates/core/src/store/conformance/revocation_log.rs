//! Cases about the revocation log: positions follow the order of commits, and readers see no gap.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use counterfoil_jose::Time;
use counterfoil_verify::{
    RevocationEntry, RevocationLogId, RevocationPosition, RevocationSubject, Revocations, TokenId,
};

use crate::model::session::EndReason;
use crate::store::conformance::fixture::{
    NOON, YEAR, answer, applied, end, insert, insert_user, revocation_log_after, session, user,
};
use crate::store::{Change, NewRevocation, Store, load_revocations};

/// Appends the revocation of a token.
fn append(number: u8, at: Time) -> Change {
    let subject = RevocationSubject::Token(TokenId::from_bytes([number; 16]));
    Change::append_revocation(NewRevocation {
        subject,
        reason: EndReason::Logout,
        at,
        remember_until: Some(at + YEAR),
        status_index: None,
    })
}

async fn all(store: &Arc<dyn Store>) -> Vec<RevocationEntry> {
    revocation_log_after(store, RevocationPosition::START).await.entries
}

pub(super) async fn positions_follow_the_order_of_commits(store: Arc<dyn Store>) {
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..30 {
                // After a commit has been answered, its position is at or below the head.
                let before = answer(store.revocation_log_head().await);
                let entries = applied(&store, &[append(caller, NOON)]).await.entries;
                assert_eq!(entries.len(), 1);
                assert!(before < entries[0].position);
                assert!(answer(store.revocation_log_head().await) >= entries[0].position);
                seen.extend(entries);
            }
            assert!(seen.is_sorted_by(|a, b| a.position < b.position));
            seen
        });
    }
    let mut reported: Vec<RevocationEntry> = callers.join_all().await.into_iter().flatten().collect();

    reported.sort_by_key(|entry| entry.position);
    assert!(reported.is_sorted_by(|a, b| a.position < b.position), "a position was assigned twice");
    assert_eq!(all(&store).await, reported);
}

pub(super) async fn no_reader_sees_a_head_without_the_entries_below_it(store: Arc<dyn Store>) {
    let count = 300;
    let mut changes = vec![insert_user(user(1))];
    changes.extend((0..count).map(|number| insert(session(number, 1))));
    let _ = applied(&store, &changes).await;
    let is_done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> =
        (0..2).map(|_| tokio::spawn(follow(Arc::clone(&store), Arc::clone(&is_done)))).collect();

    let mut writers = JoinSet::new();
    for number in 0..count {
        let store = Arc::clone(&store);
        writers.spawn(async move { applied(&store, &[end(number, NOON)]).await });
    }
    writers.join_all().await;
    is_done.store(true, Ordering::Release);

    for reader in readers {
        assert_eq!(reader.await.expect("the reader found no gap"), all(&store).await);
    }
}

/// Reads the log page by page, as a verifier does, and returns all entries.
async fn follow(store: Arc<dyn Store>, is_done: Arc<AtomicBool>) -> Vec<RevocationEntry> {
    let (mut seen, mut after): (Vec<RevocationEntry>, _) = (Vec::new(), RevocationPosition::START);
    loop {
        let is_last = is_done.load(Ordering::Acquire);
        let page = answer(store.revocation_log_after(after, limit(3)).await);
        assert!(page.entries.iter().all(|entry| entry.position > after && entry.position <= page.head));
        for entry in &page.entries {
            // The rows of a commit are visible together with its log entry.
            let RevocationSubject::Session(id) = &entry.subject else { continue };
            let session = answer(store.session(*id).await).expect("it was inserted");
            assert!(session.ended.is_some(), "the entry was visible before the row");
        }
        after = page.complete_up_to();
        seen.extend(page.entries);
        if is_last && page.next.is_none() {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

pub(super) async fn a_position_is_never_below_its_time_and_rises_when_the_clock_is_set_back(
    store: Arc<dyn Store>,
) {
    let times = [NOON, NOON, NOON + YEAR, NOON, Time::EPOCH, NOON + 2 * YEAR];
    let mut last = RevocationPosition::START;
    for at in times {
        let entries = applied(&store, &[append(1, at), append(2, at)]).await.entries;
        for entry in entries {
            assert!(entry.position.number() >= at.unix_ms());
            assert!(entry.position > last);
            last = entry.position;
        }
        assert_eq!(answer(store.revocation_log_head().await), last);
    }
}

pub(super) async fn the_entries_of_one_commit_keep_their_order(store: Arc<dyn Store>) {
    let remember_for_ever = Change::append_revocation(NewRevocation {
        subject: RevocationSubject::Key("leaked".parse().expect("a name")),
        reason: EndReason::KeyCompromised,
        at: NOON,
        remember_until: None,
        status_index: None,
    });
    let mut changes: Vec<Change> = (0..9).map(|number| append(number, NOON)).collect();
    changes.insert(4, remember_for_ever);
    let entries = applied(&store, &changes).await.entries;

    assert_eq!(entries.len(), 10);
    assert_eq!(entries[4].subject.to_string(), "key:leaked");
    assert_eq!(entries[4].until, None);
    assert_eq!(entries[9].subject, RevocationSubject::Token(TokenId::from_bytes([8; 16])));
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.position.number()).collect();
    assert!(numbers.is_sorted_by(|a, b| *b == a + 1), "{numbers:?}");
    assert_eq!(all(&store).await, entries);
}

pub(super) async fn a_reader_gets_only_later_entries(store: Arc<dyn Store>) {
    assert_eq!(
        revocation_log_after(&store, RevocationPosition::new(7)).await.head,
        RevocationPosition::START
    );
    let changes: Vec<Change> = (0..5).map(|number| append(number, NOON)).collect();
    let entries = applied(&store, &changes).await.entries;

    let rest = revocation_log_after(&store, entries[2].position).await;
    assert_eq!(rest.entries, entries[3..]);
    assert_eq!(rest.head, entries[4].position);
    for beyond in [entries[4].position, RevocationPosition::new(u64::MAX)] {
        let nothing = revocation_log_after(&store, beyond).await;
        assert!(nothing.entries.is_empty());
        assert_eq!(nothing.head, entries[4].position);
    }
}

/// A verifier that took the head with the first page would accept what a later page revokes.
pub(super) async fn pages_give_every_entry_once_and_the_head_with_the_last(store: Arc<dyn Store>) {
    let changes: Vec<Change> = (0..7).map(|number| append(number, NOON)).collect();
    let entries = applied(&store, &changes).await.entries;
    let head = entries[6].position;

    for size in [1, 2, 3, 6, 7, 8, u32::MAX] {
        let (mut seen, mut after) = (Vec::new(), Some(RevocationPosition::START));
        while let Some(position) = after {
            let page = answer(store.revocation_log_after(position, limit(size)).await);
            assert!(!page.entries.is_empty() && page.entries.len() <= size as usize);
            assert_eq!(page.head, head);
            assert_eq!(page.complete_up_to(), page.entries[page.entries.len() - 1].position);
            seen.extend(page.entries);
            after = page.next;
        }
        assert_eq!(seen, entries);
    }
}

pub(super) async fn revocations_are_loaded_page_by_page(store: Arc<dyn Store>) {
    let changes: Vec<Change> = (0..7).map(|number| append(number, NOON)).collect();
    let head = applied(&store, &changes).await.entries[6].position;

    for size in [1, 3, 7, 100] {
        let revocations = Revocations::new();
        answer(load_revocations(&*store, &revocations, limit(size)).await);
        assert_eq!((revocations.len(), revocations.head()), (7, head));
    }
}

fn limit(size: u32) -> NonZeroU32 {
    NonZeroU32::new(size).expect("a page has at least one entry")
}

pub(super) async fn a_new_log_starts_above_the_former_and_keeps_its_entries(store: Arc<dyn Store>) {
    let former = applied(&store, &[append(1, NOON)]).await.entries;
    let [first, again] = [answer(store.revocation_log_id().await), answer(store.revocation_log_id().await)];
    let (id, after) =
        (RevocationLogId::from_bytes([9; 16]), RevocationPosition::new(NOON.unix_ms() + (1 << 40)));

    let begun = applied(&store, &[append(2, NOON), Change::start_revocation_log(id, after)]).await.entries;
    let next = applied(&store, &[append(3, NOON)]).await.entries;

    assert!(first == again && first != id);
    assert_eq!(answer(store.revocation_log_id().await), id);
    assert_eq!(
        [begun[0].position, next[0].position],
        [1, 2].map(|n| RevocationPosition::new(after.number() + n))
    );
    assert_eq!(all(&store).await, [former, begun, next].concat());
    // The head never falls.
    let _ = applied(&store, &[Change::start_revocation_log(id, RevocationPosition::START)]).await;
    assert_eq!(answer(store.revocation_log_head().await).number(), after.number() + 2);
}
