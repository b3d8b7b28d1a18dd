//! Cases about sessions: they are inserted once, changed by revision, and end once.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use counterfoil_verify::RevocationSubject;

use crate::credentials::refresh_token::{RefreshTokenKeyId, Salt};
use crate::model::session::{ClientInfo, EndReason, Mode, Session, SessionCredential, SessionEnd};
use crate::store::conformance::fixture::{
    DAY, HOUR, NOON, answer, applied, conflict, end, ending, holds, insert, insert_user, one_login, replace,
    revocation_log_after, session, session_id, used, user, user_id,
};
use crate::store::{
    Change, CommitOutcome, CutoffScope, Expectation, Page, SessionCursor, SessionDataPatch, SessionQuery,
    SessionsByMode, Store,
};

pub(super) async fn a_session_id_is_inserted_only_once(store: Arc<dyn Store>) {
    let first = one_login(&store).await;

    assert_eq!(conflict(&store, &[insert(first.clone())]).await, 0);
    let other = Session { label: Some("another".into()), ..first.clone() };
    assert_eq!(conflict(&store, &[insert(other)]).await, 0);

    assert_eq!(answer(store.session(first.id).await), Some(first));
}

pub(super) async fn a_session_of_an_unknown_user_or_client_is_not_inserted(store: Arc<dyn Store>) {
    let _ = applied(&store, &[insert_user(user(1))]).await;

    assert_eq!(conflict(&store, &[insert(session(1, 2))]).await, 0);
    let unknown = "unknown".parse().expect("a name");
    assert_eq!(conflict(&store, &[insert(Session { client: unknown, ..session(1, 1) })]).await, 0);

    assert_eq!(answer(store.session(session_id(1)).await), None);
}

pub(super) async fn a_session_is_replaced_only_by_the_next_revision(store: Arc<dyn Store>) {
    let first = Session { revision: 5, ..session(1, 1) };
    let _ = applied(&store, &[insert_user(user(1)), insert(first.clone())]).await;

    for revision in [0, 4, 5, 7] {
        assert_eq!(
            conflict(&store, &[replace(Session { revision, ..first.clone() })]).await,
            0,
            "{revision}"
        );
    }
    assert_eq!(conflict(&store, &[replace(Session { revision: 6, ..session(2, 1) })]).await, 0);

    assert_eq!(answer(store.session(first.id).await), Some(first.clone()));
    let _ = applied(&store, &[replace(used(&first, NOON + HOUR))]).await;
}

pub(super) async fn how_a_session_was_opened_never_changes(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;
    let _ = applied(&store, &[insert_user(user(2))]).await;
    let next = used(&stored, NOON + HOUR);

    for other in [
        Session { user: user_id(2), ..next.clone() },
        Session { client: "shop".parse().expect("a name"), ..next.clone() },
        Session { authenticated_at: NOON + HOUR, ..next.clone() },
        Session { amr: vec!["hwk".into()], ..next.clone() },
        Session { acr: Some("aal2".into()), ..next.clone() },
        Session { audience: Some("https://shop.example".into()), ..next.clone() },
    ] {
        assert_eq!(conflict(&store, &[replace(other)]).await, 0);
    }

    assert_eq!(answer(store.session(stored.id).await), Some(stored));
    let _ = applied(&store, &[replace(next)]).await;
}

pub(super) async fn one_of_32_parallel_replacements_applies(store: Arc<dyn Store>) {
    let mut stored = one_login(&store).await;
    for _ in 0..20 {
        let mut racers = JoinSet::new();
        for racer in 0..32 {
            let (store, next) =
                (Arc::clone(&store), used(&stored, stored.seen_at + Duration::from_millis(racer)));
            racers.spawn(async move {
                matches!(
                    answer(store.commit(&[replace(next.clone())].into()).await),
                    CommitOutcome::Applied(_)
                )
                .then_some(next)
            });
        }
        let winners: Vec<Session> = racers.join_all().await.into_iter().flatten().collect();

        let [winner] = &winners[..] else { panic!("{} have won", winners.len()) };
        assert_eq!(answer(store.session(stored.id).await).as_ref(), Some(winner));
        stored = winner.clone();
    }
}

pub(super) async fn an_ended_session_never_becomes_active_again(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;
    let _ = applied(&store, &[end(1, NOON + HOUR)]).await;
    let ended = answer(store.session(stored.id).await).expect("ended sessions are kept for a while");
    assert_eq!(ended.ended, Some(SessionEnd { at: NOON + HOUR, reason: EndReason::Logout }));
    assert_ne!(ended.revision, stored.revision);

    for revision in 0..4 {
        let active_session = Session { ended: None, revision, ..stored.clone() };
        assert_eq!(conflict(&store, &[replace(active_session)]).await, 0, "replaced at {revision}");
    }
    assert_eq!(conflict(&store, &[insert(stored.clone())]).await, 0);
    assert_eq!(conflict(&store, &[Change::refresh_position(stored.id)]).await, 0);
    assert!(!holds(&store, Expectation::ActiveSession(stored.id, NOON)).await);
    let patch = serde_json::Map::new();
    let merge = Change::merge_data(SessionDataPatch {
        session: stored.id,
        patch,
        expected_revision: None,
        max_bytes: 100,
        max_bytes_of_user: None,
        now: NOON,
    });
    assert_eq!(conflict(&store, &[merge]).await, 0);

    assert_eq!(answer(store.session(stored.id).await), Some(ended));
}

pub(super) async fn a_session_ends_once(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;

    let first = applied(&store, &[end(1, NOON + HOUR)]).await;
    let again = applied(
        &store,
        &[Change::end_session(stored.id, ending(NOON + 2 * HOUR, EndReason::ByAdmin)), end(9, NOON)],
    )
    .await;

    assert_eq!(first.ended_sessions, [stored.id]);
    assert_eq!(first.end_reasons, [EndReason::Logout]);
    assert_eq!(first.entries.len(), 1);
    assert_eq!(first.entries[0].subject, RevocationSubject::Session(stored.id));
    assert_eq!(first.entries[0].until, Some(NOON + 2 * HOUR));
    assert!(again.ended_sessions.is_empty() && again.entries.is_empty());
    let ended = answer(store.session(stored.id).await).and_then(|session| session.ended);
    assert_eq!(ended, Some(SessionEnd { at: NOON + HOUR, reason: EndReason::Logout }));
    assert_eq!(revocation_log_after(&store, Default::default()).await.entries, first.entries);
}

pub(super) async fn ending_all_other_sessions_appends_one_revocation_each(store: Arc<dyn Store>) {
    let mut changes = vec![insert_user(user(1)), insert_user(user(2)), insert(session(100, 2))];
    changes.extend((0..10).map(|number| insert(session(number, 1))));
    changes.push(end(0, NOON));
    let _ = applied(&store, &changes).await;
    let all_but =
        |except| Change::end_sessions_of(user_id(1), except, ending(NOON + HOUR, EndReason::PasswordChanged));

    let others = applied(&store, &[all_but(Some(session_id(5)))]).await;
    let spared = answer(store.session(session_id(5)).await).and_then(|session| session.ended);
    let last = applied(&store, &[all_but(None)]).await;

    assert_eq!(others.ended_sessions.len(), 8);
    assert!(
        !others.ended_sessions.contains(&session_id(5)) && !others.ended_sessions.contains(&session_id(0))
    );
    let subjects: Vec<_> = others.entries.iter().map(|entry| entry.subject.clone()).collect();
    assert_eq!(
        subjects,
        others.ended_sessions.iter().copied().map(RevocationSubject::Session).collect::<Vec<_>>()
    );
    assert_eq!(spared, None);
    assert_eq!(last.ended_sessions, [session_id(5)]);
    let other_user = answer(store.session(session_id(100)).await).expect("it was inserted");
    assert_eq!(other_user.ended, None);
}

pub(super) async fn active_sessions_are_listed_once_and_newest_first(store: Arc<dyn Store>) {
    let opened = |number: u16| NOON + Duration::from_secs(u64::from(number / 7));
    let mut changes = vec![insert_user(user(1)), insert_user(user(2)), insert(session(99, 2))];
    changes.extend((0..60).map(|number| {
        let at = opened(number);
        insert(Session { authenticated_at: at, seen_at: at, ..session(number, 1) })
    }));
    // One has ended, one is idle, and one has reached its absolute end.
    changes.push(end(3, NOON));
    changes.push(insert(Session { idle: HOUR, ..session(61, 1) }));
    changes.push(insert(Session { expires_at: NOON + HOUR, ..session(62, 1) }));
    let _ = applied(&store, &changes).await;

    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = Page { after, limit: 8 };
        let sessions = answer(store.sessions_of(user_id(1), page, NOON + HOUR).await);
        assert!(sessions.len() <= 8);
        let Some(last) = sessions.last() else { break };
        after = Some(SessionCursor { authenticated_at: last.authenticated_at, id: last.id });
        found.extend(sessions);
    }

    assert!(found.is_sorted_by(|a, b| a.authenticated_at >= b.authenticated_at));
    let mut numbers: Vec<_> = found.iter().map(|session| session.id).collect();
    numbers.sort();
    let mut expected: Vec<_> = (0..60).filter(|number| *number != 3).map(session_id).collect();
    expected.sort();
    assert_eq!(numbers, expected);
    assert!(
        answer(store.sessions_of(user_id(1), Page { after: None, limit: 100 }, NOON + 2 * DAY).await)
            .is_empty()
    );
}

pub(super) async fn the_live_sessions_of_all_users_are_listed_once_and_newest_first(store: Arc<dyn Store>) {
    let from = |last: u8| ClientInfo { ip: Some(Ipv4Addr::new(192, 0, 2, last).into()), user_agent: None };
    let mut changes: Vec<_> = (0..4).map(|number| insert_user(user(number))).collect();
    changes.extend((0..900).map(|number| {
        let at = NOON + Duration::from_secs(u64::from(number / 7));
        let client_info = from(u8::from(number % 100 == 0));
        insert(Session { authenticated_at: at, seen_at: at, client_info, ..session(number, number % 4) })
    }));
    changes.extend([end(3, NOON), Change::set_cutoff(CutoffScope::User(user_id(1)))]);
    let _ = applied(&store, &changes).await;
    let all = async |query: SessionQuery| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after, limit: 150 };
            let scan = answer(store.sessions(&query, page, NOON + HOUR).await);
            assert!(scan.rows.len() <= 150);
            found.extend(scan.rows);
            let Some(next) = scan.next else { break };
            after = Some(next);
        }
        assert!(found.is_sorted_by(|a: &Session, b| a.authenticated_at >= b.authenticated_at));
        found.iter().map(|session| session.id).collect::<BTreeSet<_>>()
    };
    let ids = |numbers: Vec<u16>| numbers.into_iter().map(session_id).collect::<BTreeSet<_>>();
    let live = || (0..900).filter(|number| *number != 3 && number % 4 != 1);

    assert_eq!(all(SessionQuery::default()).await, ids(live().collect()));
    let of_user = SessionQuery { user: Some(user_id(2)), ..SessionQuery::default() };
    assert_eq!(all(of_user).await, ids(live().filter(|number| number % 4 == 2).collect()));
    let of_ip = SessionQuery { ip: from(1).ip, ..SessionQuery::default() };
    assert_eq!(all(of_ip).await, ids(live().filter(|number| number % 100 == 0).collect()));
    let of_mode = SessionQuery { mode: Some(Mode::Hybrid), ..SessionQuery::default() };
    assert!(all(of_mode).await.is_empty());
}

pub(super) async fn a_session_context_is_read_from_one_snapshot(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;

    let session_context = answer(store.session_context(stored.id).await).expect("it was inserted");

    assert_eq!(session_context.session, stored);
    assert_eq!(session_context.user, user(1));
    assert_eq!(Some(session_context.client), answer(store.client(&stored.client).await));
    assert_eq!(session_context.global_cutoff.number(), 0);
    assert_eq!(session_context.revocation_log_head, answer(store.revocation_log_head().await));
    assert!(answer(store.session_context(session_id(2)).await).is_none());

    let _ = applied(&store, &[end(1, NOON)]).await;
    let session_context =
        answer(store.session_context(stored.id).await).expect("ended sessions are kept for a while");
    assert_eq!(session_context.revocation_log_head, answer(store.revocation_log_head().await));
}

pub(super) async fn above_the_session_limit_the_oldest_sessions_end(store: Arc<dyn Store>) {
    let mut changes = vec![insert_user(user(1)), insert_user(user(2)), insert(session(50, 2))];
    changes.extend((0..6).map(|number| {
        let at = NOON + Duration::from_secs(u64::from(number));
        insert(Session { authenticated_at: at, seen_at: at, ..session(number, 1) })
    }));
    // Ended and idle sessions do not count.
    changes.extend([end(5, NOON), insert(Session { idle: Duration::from_secs(1), ..session(7, 1) })]);
    let _ = applied(&store, &changes).await;
    let at_most = |keep| {
        Change::end_oldest_sessions_of(
            user_id(1),
            session_id(0),
            keep,
            ending(NOON + HOUR, EndReason::SessionLimit),
        )
    };

    let none = applied(&store, &[at_most(4)]).await;
    let some = applied(&store, &[at_most(2)]).await;
    let rest = applied(&store, &[at_most(0)]).await;

    assert!(none.ended_sessions.is_empty() && none.entries.is_empty());
    let ids = |numbers: [u16; 2]| numbers.map(session_id).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(some.ended_sessions.iter().copied().collect::<BTreeSet<_>>(), ids([1, 2]));
    assert_eq!(some.end_reasons, [EndReason::SessionLimit; 2]);
    let subjects: Vec<_> = some.entries.iter().map(|entry| entry.subject.clone()).collect();
    assert_eq!(
        subjects,
        some.ended_sessions.iter().copied().map(RevocationSubject::Session).collect::<Vec<_>>()
    );
    assert_eq!(rest.ended_sessions.iter().copied().collect::<BTreeSet<_>>(), ids([3, 4]));
    for stays in [0, 50] {
        let stored = answer(store.session(session_id(stays)).await).expect("it was inserted");
        assert_eq!(stored.ended, None);
    }
}

pub(super) async fn only_sessions_that_have_not_ended_are_to_be_ended(store: Arc<dyn Store>) {
    let left = async |except| answer(store.has_sessions_to_end(user_id(1), except).await);
    let _ = one_login(&store).await;

    assert!(left(None).await, "also after it has expired: the store is not told the time");
    assert!(!left(Some(session_id(1))).await);
    let _ = applied(&store, &[insert(session(2, 1))]).await;
    assert!(left(Some(session_id(1))).await);
    let _ = applied(&store, &[end(1, NOON), end(2, NOON)]).await;
    assert!(!left(None).await);
    assert!(!answer(store.has_sessions_to_end(user_id(2), None).await));
}

pub(super) async fn active_sessions_are_counted_by_client(store: Arc<dyn Store>) {
    let count = async |client: Option<&str>, at| {
        let client = client.map(|id| id.parse().expect("a client id"));
        answer(store.count_active_sessions(client, at).await)
    };
    let _ = one_login(&store).await;
    let _ = applied(&store, &[insert_user(user(2)), insert(session(2, 1)), insert(session(3, 2))]).await;
    assert_eq!(count(None, NOON).await, 3);
    assert_eq!(count(Some("default"), NOON).await, 3);
    assert_eq!(count(Some("other"), NOON).await, 0);
    assert_eq!(count(None, NOON + 400 * DAY).await, 0, "they have expired");

    let _ = applied(&store, &[end(1, NOON), Change::set_cutoff(CutoffScope::User(user_id(2)))]).await;
    assert_eq!(count(None, NOON).await, 1);
    let _ = applied(&store, &[Change::remove_user(user_id(1))]).await;
    assert_eq!(count(None, NOON).await, 0);
}

pub(super) async fn active_sessions_are_counted_by_mode_in_portions(store: Arc<dyn Store>) {
    let count = async |limit, at| {
        let (mut total, mut portions, mut after) = (SessionsByMode::default(), 0, None);
        loop {
            let portion = answer(store.count_sessions_by_mode(Page { after, limit }, at).await);
            total += portion.count;
            portions += 1;
            after = portion.next;
            if after.is_none() {
                return (total, portions);
            }
        }
    };
    let with = |credential, number| insert(Session { credential, ..session(number, 1) });
    let refresh_token = SessionCredential::Refresh {
        key_id: RefreshTokenKeyId::from_bytes([1; 8]),
        salt: Salt::from_bytes([1; 16]),
        counter: 0,
        rotated_at: NOON,
    };
    let _ = applied(&store, &[insert_user(user(1)), insert_user(user(2))]).await;
    let refresh = (0..3).map(|number| with(refresh_token, number));
    let access = (10..15).map(|number| with(SessionCredential::AccessOnly, number));
    let cookies = (20..29).map(|number| insert(session(number, 2)));
    let _ = applied(&store, &refresh.chain(access).chain(cookies).collect::<Vec<_>>()).await;

    let all = SessionsByMode { session: 9, jwt: 5, hybrid: 3 };
    assert_eq!(count(100, NOON).await, (all, 1));
    assert_eq!(count(4, NOON).await, (all, 5));
    assert_eq!(count(100, NOON + 400 * DAY).await.0, SessionsByMode::default(), "they have expired");
    let _ = applied(&store, &[end(10, NOON), Change::set_cutoff(CutoffScope::User(user_id(2)))]).await;
    assert_eq!(count(4, NOON).await.0, SessionsByMode { session: 0, jwt: 4, hybrid: 3 });
}
