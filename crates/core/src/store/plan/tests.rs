use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{
    ClientId, RevocationEntry, RevocationPosition, RevocationSubject, SessionId, UserId,
};

use super::{CommitProgress, NewPositions, RowAction, RowOp, plan};
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason, SessionEnd};
use crate::store::change::{
    Change, CutoffScope, MAX_ENDED_PER_COMMIT, NewRevocation, SessionEnding, SessionsToEnd, SessionsToRefresh,
};
use crate::store::outcome::TransactionPart;
use crate::store::status_index::EndedSession;
use crate::store::transaction::{Expectation, Transaction};

const NOON: Time = Time::from_unix_seconds(1_764_000_000);
const USER: UserId = UserId::from_bytes([1; 16]);
const SESSION: SessionId = SessionId::from_bytes([2; 16]);
const OTHER: SessionId = SessionId::from_bytes([3; 16]);
const ENDING: SessionEnding =
    SessionEnding { end: SessionEnd { at: NOON, reason: EndReason::Logout }, remember_until: NOON };

fn event(at: Time) -> AuditEvent {
    AuditEvent::by_user(AuditEventKind::SessionEnded, USER, &ClientInfo::default(), at)
}

fn revocation(at: Time) -> NewRevocation {
    NewRevocation {
        subject: RevocationSubject::User(USER),
        reason: EndReason::ByAdmin,
        at,
        remember_until: None,
        status_index: None,
    }
}

fn ended(id: SessionId) -> EndedSession {
    EndedSession { id, status_index: None }
}

/// The parts of the operations and the names of their actions.
fn names(operations: &[RowOp<'_>]) -> Vec<(TransactionPart, String)> {
    let name = |operation: &RowOp<'_>| {
        let text = format!("{:?}", operation.action);
        text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned()
    };
    operations.iter().map(|operation| (operation.part, name(operation))).collect()
}

fn change(index: usize, name: &str) -> (TransactionPart, String) {
    (TransactionPart::Change(index), name.to_owned())
}

fn expectation(index: usize) -> (TransactionPart, String) {
    (TransactionPart::Expectation(index), "Check".to_owned())
}

#[test]
fn expectations_are_checked_before_the_first_change() {
    let transaction =
        Transaction::new([Change::record_event(event(NOON)), Change::refresh_position(SESSION)])
            .expecting([Expectation::Epoch(USER, 1), Expectation::ActiveSession(SESSION, NOON)]);

    let expected = [
        expectation(0),
        expectation(1),
        change(0, "InsertEvent"),
        change(1, "FindSessions"),
        change(1, "AppendEntries"),
        change(1, "SetPositions"),
    ];
    assert_eq!(names(&plan(&transaction)), expected);
}

#[test]
fn what_depends_on_a_position_comes_last_and_cutoffs_after_the_sessions() {
    let transaction = Transaction::new([
        Change::set_cutoff(CutoffScope::User(USER)),
        Change::append_revocation(revocation(NOON)),
        Change::refresh_positions_of(USER),
        Change::set_cutoff(CutoffScope::Client(ClientId::default())),
        Change::end_session(SESSION, ENDING),
        Change::record_session_ends(event(NOON)),
    ]);

    let operations = plan(&transaction);

    let expected = [
        change(1, "AddEntry"),
        change(2, "FindSessions"),
        change(4, "EndSessions"),
        change(5, "InsertSessionEnds"),
        change(0, "AppendEntries"),
        change(2, "SetPositions"),
        change(0, "RaiseCutoff"),
        change(3, "RaiseCutoff"),
    ];
    assert_eq!(names(&operations), expected);
    assert!(matches!(operations[4].action, RowAction::AppendEntries { own_position: true }));
}

#[test]
fn a_transaction_without_positions_does_not_touch_the_revocation_log() {
    let transaction =
        Transaction::new([Change::record_event(event(NOON)), Change::set_metadata("key", vec![1])])
            .expecting([Expectation::ClientRevision(ClientId::default(), 0)]);

    let expected = [expectation(0), change(0, "InsertEvent"), change(1, "SetMetadata")];
    assert_eq!(names(&plan(&transaction)), expected);
}

#[test]
fn a_user_is_deleted_after_what_refers_to_them() {
    let transaction = Transaction::new([Change::remove_user(USER)]);

    let expected = [change(0, "DeleteAdminKeysOf"), change(0, "RemoveUser")];
    assert_eq!(names(&plan(&transaction)), expected);
}

#[test]
fn the_newest_time_of_a_transaction_ignores_times_in_the_future() {
    let later = NOON + Duration::from_secs(5);
    let ending = SessionEnding { remember_until: later + Duration::from_secs(60), ..ENDING };
    let transaction = Transaction::new([
        Change::end_session(SESSION, ending),
        Change::record_event(event(later)),
        Change::set_cutoff(CutoffScope::Everyone),
    ]);

    assert_eq!(transaction.newest_time(), later);
    assert_eq!(Transaction::default().newest_time(), Time::EPOCH);
}

#[test]
fn a_cutoff_takes_a_position_even_without_an_entry() {
    let mut progress = CommitProgress::default();

    assert_eq!(progress.new_positions(false), NewPositions::None);
    let taken = NewPositions::Take { count: 1, at: Time::EPOCH, entries: Vec::new() };
    assert_eq!(progress.new_positions(true), taken);
    assert!(progress.sessions_to_refresh(SessionsToRefresh::One(SESSION), [SESSION]));
    assert_eq!(progress.new_positions(false), NewPositions::Head);
    assert_eq!(progress.new_positions(true), taken);
}

#[test]
fn entries_keep_the_order_of_the_changes_and_none_is_below_the_newest_time() {
    let mut progress = CommitProgress::default();
    let later = NOON + Duration::from_secs(5);
    progress.add_entry(revocation(later));
    progress.sessions_ended(SessionsToEnd::One(SESSION), vec![ended(SESSION), ended(OTHER)], ENDING);

    let NewPositions::Take { count, at, entries } = progress.new_positions(true) else { panic!() };

    assert_eq!((count, at), (3, later));
    let subjects: Vec<_> = entries.into_iter().map(|entry| entry.subject).collect();
    let session = RevocationSubject::Session;
    assert_eq!(subjects, [RevocationSubject::User(USER), session(SESSION), session(OTHER)]);
}

#[test]
fn each_session_end_is_recorded_once() {
    let mut progress = CommitProgress::default();
    progress.sessions_ended(SessionsToEnd::One(SESSION), vec![ended(SESSION)], ENDING);
    assert_eq!(progress.take_unrecorded_ends(&event(NOON)), [SESSION]);

    progress.sessions_ended(SessionsToEnd::One(OTHER), vec![ended(OTHER)], ENDING);

    assert_eq!(progress.take_unrecorded_ends(&event(NOON)), [OTHER]);
    assert!(progress.take_unrecorded_ends(&event(NOON)).is_empty());
    let applied = progress.finish();
    assert_eq!(applied.ended_sessions, [SESSION, OTHER]);
    assert_eq!(applied.end_reasons, [EndReason::Logout; 2]);
}

#[test]
fn only_a_single_session_that_cannot_be_refreshed_conflicts() {
    let mut progress = CommitProgress::default();

    assert!(!progress.sessions_to_refresh(SessionsToRefresh::One(SESSION), []));
    assert!(progress.sessions_to_refresh(SessionsToRefresh::AllOf(USER), []));
    assert!(progress.sessions_to_refresh(SessionsToRefresh::Cookies, []));
    assert!(!progress.data_merged(None));
}

#[test]
fn cookie_sessions_get_the_head_if_the_commit_takes_no_position() {
    let mut progress = CommitProgress::default();
    assert_eq!(progress.new_positions(false), NewPositions::None);
    assert!(progress.sessions_to_refresh(SessionsToRefresh::Cookies, []));
    assert_eq!(progress.new_positions(false), NewPositions::Head);
    assert_eq!(progress.cookie_position(), None, "before the position is known");

    let head = RevocationPosition::new(7);
    progress.read_head(head);

    assert_eq!(progress.cookie_position(), Some(head));
    assert_eq!(progress.refreshed_sessions().count(), 0);
}

#[test]
fn refreshed_sessions_get_the_last_position_of_the_commit() {
    let mut progress = CommitProgress::default();
    assert!(progress.sessions_to_refresh(SessionsToRefresh::AllOf(USER), [SESSION, OTHER]));
    assert!(
        progress.sessions_to_refresh(SessionsToRefresh::One(OTHER), [OTHER]),
        "two changes of one session"
    );
    assert_eq!(progress.refreshed_sessions().count(), 0, "before the position is known");

    let last = RevocationPosition::new(9);
    let entry = RevocationEntry { position: last, subject: RevocationSubject::Everyone, until: None };
    progress.entries_appended(vec![entry], last);

    assert_eq!(progress.refreshed_sessions().collect::<Vec<_>>(), [(SESSION, last), (OTHER, last)]);
    assert_eq!(progress.position(), Some(last));
}

#[test]
fn more_sessions_than_a_commit_ends_are_pending_below_its_last_position() {
    let mut progress = CommitProgress::default();
    let all = SessionsToEnd::AllOf { user: USER, except: Some(OTHER) };
    let last = RevocationPosition::new(9);
    let portion = vec![ended(SESSION); MAX_ENDED_PER_COMMIT as usize];
    progress.sessions_ended(SessionsToEnd::AllOf { user: USER, except: None }, vec![ended(SESSION)], ENDING);
    progress.sessions_ended(all, portion, ENDING);
    let by_user = AuditEvent { user: None, ..event(NOON) };
    let _ = progress.take_unrecorded_ends(&by_user);
    let _ = progress.take_unrecorded_ends(&event(NOON + Duration::from_secs(5)));
    progress.read_head(last);

    let pending = progress.take_pending_ends();

    let [(pending, except)] = &pending[..] else { panic!("{pending:?}") };
    assert_eq!((pending.user, pending.below, pending.ending, *except), (USER, last, ENDING, Some(OTHER)));
    assert_eq!(pending.event, event(NOON));
    assert!(progress.take_pending_ends().is_empty());
}
