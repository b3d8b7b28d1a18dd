//! No schedule of publishers and readers shows a head without its entries, or loses an entry.
#![cfg(shuttle)]

use std::sync::Arc;

use counterfoil_jose::Time;
use counterfoil_verify::{
    RevocationEntry, RevocationPosition, RevocationQuery, RevocationSubject, Revocations, SessionId,
};
use shuttle::thread;

const NOON: Time = Time::from_unix_seconds(1_764_000_000);

/// How many schedules are tried.
const SCHEDULES: usize = 2_000;
/// The most changes of the running thread at unlikely places in a schedule.
const DEPTH: usize = 4;

fn session(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

fn position(number: u8) -> RevocationPosition {
    RevocationPosition::new(u64::from(number))
}

/// The entry at the position `number`, which expires at `until`.
fn entry(number: u8, until: Option<Time>) -> RevocationEntry {
    RevocationEntry {
        position: position(number),
        subject: RevocationSubject::Session(session(number)),
        until,
    }
}

fn is_revoked(revocations: &Revocations, number: u8) -> bool {
    let query = RevocationQuery::new(RevocationPosition::new(u64::MAX)).session(session(number));
    revocations.check(&query).revoked.is_some()
}

fn try_schedules(run: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(run, SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, DEPTH);
}

#[test]
fn a_reader_that_sees_the_head_sees_the_entries_up_to_it() {
    try_schedules(|| {
        let revocations = Arc::new(Revocations::new());
        let publisher = {
            let revocations = Arc::clone(&revocations);
            thread::spawn(move || {
                for number in 1..=3 {
                    revocations.publish(&[entry(number, None)], position(number));
                }
            })
        };
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let revocations = Arc::clone(&revocations);
                thread::spawn(move || {
                    let head = revocations.head();
                    for number in (1..=3).filter(|number| position(*number) <= head) {
                        assert!(is_revoked(&revocations, number), "{number} is below the head {head:?}");
                    }
                })
            })
            .collect();
        publisher.join().unwrap();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert!((1..=3).all(|number| is_revoked(&revocations, number)));
    });
}

#[test]
fn two_publishers_and_a_removal_of_expired_entries_lose_no_entry() {
    try_schedules(|| {
        let revocations = Arc::new(Revocations::new());
        revocations.publish(&[entry(9, Some(NOON))], position(1));
        let publishers: Vec<_> = [2, 3]
            .into_iter()
            .map(|number| {
                let revocations = Arc::clone(&revocations);
                thread::spawn(move || {
                    revocations.publish(&[entry(number, None)], position(number));
                    assert!(is_revoked(&revocations, number), "a publisher sees its own entry");
                })
            })
            .collect();
        let remover = {
            let revocations = Arc::clone(&revocations);
            thread::spawn(move || revocations.prune(NOON + std::time::Duration::from_secs(1)))
        };
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
        remover.join().unwrap();
        assert!(is_revoked(&revocations, 2) && is_revoked(&revocations, 3));
        assert!(!is_revoked(&revocations, 9), "it has expired");
        assert_eq!(revocations.head(), position(3));
    });
}
