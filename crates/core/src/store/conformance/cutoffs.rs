//! Cases about revocation cutoffs: what was issued before stays revoked after the log has been purged.

use std::sync::Arc;

use counterfoil_verify::{ClientId, RevocationPosition, RevocationSubject};

use crate::client_error::InvalidCredential;
use crate::model::client::Client;
use crate::model::session::{EndReason, Session, SessionCredential};
use crate::store::conformance::fixture::{
    NOON, YEAR, answer, applied, conflict, end, ending, insert, insert_user, one_login, replace,
    revocation_log_after, session, session_id, used, user, user_id,
};
use crate::store::{Change, CutoffScope, NewRevocation, Page, Store};

fn append(subject: RevocationSubject) -> Change {
    Change::append_revocation(NewRevocation {
        subject,
        reason: EndReason::ByAdmin,
        at: NOON,
        remember_until: Some(NOON + YEAR),
        status_index: None,
    })
}

/// The cutoffs of user 1, of the default client, and the global one.
async fn cutoffs(store: &Arc<dyn Store>) -> [RevocationPosition; 3] {
    let session_context = answer(store.session_context(session_id(1)).await).expect("it was inserted");
    [session_context.user.cutoff, session_context.client.cutoff, session_context.global_cutoff]
}

pub(super) async fn a_cutoff_is_the_last_position_of_its_commit(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let client = ClientId::default();
    let raised = [
        (CutoffScope::User(user_id(1)), RevocationSubject::User(user_id(1))),
        (CutoffScope::Client(client.clone()), RevocationSubject::Client(client)),
        (CutoffScope::Everyone, RevocationSubject::Everyone),
    ];
    for (place, (scope, subject)) in raised.into_iter().enumerate() {
        let changes = [append(subject.clone()), Change::set_cutoff(scope), append(subject)];
        let entries = applied(&store, &changes).await.entries;

        assert_eq!(cutoffs(&store).await[place], entries[1].position);
        assert_eq!(answer(store.revocation_log_head().await), entries[1].position);
    }
    assert!(cutoffs(&store).await.is_sorted_by(|a, b| a < b), "an unrelated cutoff was set");
}

pub(super) async fn a_cutoff_without_an_entry_has_its_own_position(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let entries = applied(&store, &[append(RevocationSubject::Everyone)]).await.entries;

    // A login in progress has read this head. The cutoff must be above it.
    let before = answer(store.revocation_log_head().await);
    let _ = applied(&store, &[Change::set_cutoff(CutoffScope::Everyone)]).await;

    assert_eq!(before, entries[0].position);
    assert!(cutoffs(&store).await[2] > before);
    assert_eq!(answer(store.revocation_log_head().await), cutoffs(&store).await[2]);
    assert_eq!(revocation_log_after(&store, RevocationPosition::START).await.entries, entries);
}

pub(super) async fn a_cutoff_never_falls(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let scopes = [CutoffScope::User(user_id(1)), CutoffScope::Client(ClientId::default())];
    let _ = applied(&store, &scopes.map(Change::set_cutoff)).await;
    let before = cutoffs(&store).await;

    // Both were read before the cutoffs were set.
    let user = Change::replace_user(user(1).with_roles(vec!["admin".into()]));
    let client = Client { name: "Shop".into(), revision: 1, ..Client::default_client() };
    let _ = applied(&store, &[user, Change::replace_client(client)]).await;

    assert_eq!(cutoffs(&store).await, before);
    assert!(before[0] > RevocationPosition::START);
}

pub(super) async fn a_refreshed_position_survives_the_cutoff(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let _ = applied(&store, &[insert(session(2, 1)), insert(session(3, 1))]).await;

    // The changes of a password change: the session that requested it stays, and its old tokens are revoked.
    let changes = [
        Change::replace_user(user(1).next_epoch()),
        Change::refresh_position(session_id(1)),
        Change::set_cutoff(CutoffScope::User(user_id(1))),
        Change::end_sessions_of(user_id(1), Some(session_id(1)), ending(NOON, EndReason::PasswordChanged)),
        append(RevocationSubject::User(user_id(1))),
    ];
    let done = applied(&store, &changes).await;

    assert_eq!((done.entries.len(), done.ended_sessions.len()), (3, 2));
    let spared = answer(store.session_context(session_id(1)).await).expect("it was inserted");
    assert_eq!(spared.session.pos, done.entries[2].position);
    assert_eq!(spared.check_access(), Ok(()));
    let later = [insert(session(4, 1))];
    let _ = applied(&store, &later).await;
    let in_flight = answer(store.session_context(session_id(4)).await).expect("it was inserted");
    assert_eq!(in_flight.check_access(), Err(InvalidCredential::RevokedByCutoff));
}

pub(super) async fn a_replacement_based_on_the_former_position_conflicts(store: Arc<dyn Store>) {
    let seen = one_login(&store).await;
    let _ = applied(&store, &[append(RevocationSubject::Everyone)]).await;
    let _ = applied(&store, &[Change::refresh_position(seen.id)]).await;

    assert_eq!(conflict(&store, &[replace(used(&seen, NOON))]).await, 0);

    let stored = answer(store.session(seen.id).await).expect("it was inserted");
    assert_eq!(stored.pos, answer(store.revocation_log_head().await));
    let _ = applied(&store, &[replace(used(&stored, NOON))]).await;
}

pub(super) async fn all_active_sessions_of_a_user_get_the_new_position(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let _ = applied(&store, &[insert(session(2, 1)), insert(session(3, 1)), end(3, NOON)]).await;

    // The changes of a change of roles: sessions stay, and earlier access tokens are revoked.
    let changes = [
        Change::replace_user(user(1).with_roles(vec!["admin".into()])),
        Change::set_cutoff(CutoffScope::User(user_id(1))),
        Change::refresh_positions_of(user_id(1)),
        append(RevocationSubject::User(user_id(1))),
    ];
    let position = applied(&store, &changes).await.entries[0].position;

    for number in [1, 2] {
        let stored = answer(store.session_context(session_id(number)).await).expect("it was inserted");
        assert_eq!((stored.session.pos, stored.check_access()), (position, Ok(())));
        assert_eq!(stored.session.revision, 1, "writers with the former revision conflict");
    }
    assert!(answer(store.session(session_id(3)).await).is_some_and(|session| session.ended.is_some()));
    assert_eq!(cutoffs(&store).await[0], position);
}

pub(super) async fn only_active_cookie_sessions_get_the_new_position(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let other = [insert_user(user(2)), insert(session(2, 2)), insert(session(3, 2)), end(3, NOON)];
    let _ = applied(&store, &other).await;
    // Revoked by the cutoff of its user only.
    let _ = applied(&store, &[insert_user(user(3)), insert(session(4, 3))]).await;
    let _ = applied(&store, &[Change::set_cutoff(CutoffScope::User(user_id(3)))]).await;
    let access = Session { credential: SessionCredential::AccessOnly, ..session(5, 1) };
    let _ = applied(&store, &[insert(access)]).await;

    let changes = [Change::refresh_cookie_positions(), Change::set_cutoff(CutoffScope::Everyone)];
    let _ = applied(&store, &changes).await;

    let mut session_context = Vec::new();
    for number in 1..=5 {
        let found = answer(store.session_context(session_id(number)).await).expect("it was inserted");
        if found.session.ended.is_none() && found.check_access().is_ok() {
            assert_eq!((found.session.pos, found.session.revision), (found.global_cutoff, 1));
            session_context.push(number);
        }
    }
    assert_eq!(session_context, [1, 2]);
}

pub(super) async fn a_refreshed_position_does_not_undo_a_cutoff(store: Arc<dyn Store>) {
    let everyones =
        [CutoffScope::User(user_id(1)), CutoffScope::Client(ClientId::default()), CutoffScope::Everyone];
    let _ = applied(&store, &[insert_user(user(1))]).await;
    for (scope, number) in everyones.into_iter().zip(1..) {
        let pos = answer(store.revocation_log_head().await);
        let _ = applied(&store, &[insert(Session { pos, ..session(number, 1) })]).await;
        let _ = applied(&store, &[Change::set_cutoff(scope)]).await;

        assert_eq!(conflict(&store, &[Change::refresh_position(session_id(number))]).await, 0);
        let _ =
            applied(&store, &[Change::refresh_positions_of(user_id(1)), append(RevocationSubject::Everyone)])
                .await;

        let revoked = answer(store.session_context(session_id(number)).await).expect("it was inserted");
        assert_eq!(
            (revoked.session.pos, revoked.check_access()),
            (pos, Err(InvalidCredential::RevokedByCutoff))
        );
    }
}

pub(super) async fn sessions_below_a_cutoff_are_not_listed(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let listed = async || {
        let page = Page { after: None, limit: 10 };
        answer(store.sessions_of(user_id(1), page, NOON).await).len()
    };
    assert_eq!(listed().await, 1);

    let _ = applied(&store, &[Change::set_cutoff(CutoffScope::Everyone)]).await;

    assert_eq!(listed().await, 0);
}
