//! Cases about session data: patches are merged member by member, within a size limit, and only into active
//! sessions.

use std::num::NonZeroU64;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use crate::store::conformance::fixture::{
    DAY, HOUR, NOON, TestRng, answer, applied, conflict, end, insert, insert_user, one_login, session,
    session_id, user,
};
use crate::store::{Change, SessionDataPatch, Store};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is not an object"),
    }
}

fn patch(session: u16, patch: Value) -> Change {
    Change::merge_data(SessionDataPatch {
        session: session_id(session),
        patch: object(patch),
        expected_revision: None,
        max_bytes: 1 << 20,
        max_bytes_of_user: None,
        now: NOON,
    })
}

pub(super) async fn patches_merge_as_in_the_examples_of_rfc_7396(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    // RFC 7396, appendix A: the examples in which both sides are objects.
    let examples = [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ];
    for (number, (target, change, outcome)) in (10..).zip(examples) {
        let _ = applied(&store, &[insert(session(number, 1)), patch(number, target)]).await;
        let merged = applied(&store, &[patch(number, change.clone())]).await.session_data;

        assert_eq!(merged.map(|data| data.members), Some(object(outcome)), "{change}");
    }
}

pub(super) async fn patches_merge_as_in_the_algorithm_of_rfc_7396(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let mut rng = TestRng::new(7396);
    let mut expected = Value::Object(Map::new());
    for revision in 1..=300 {
        let change = Value::Object(any_object(&mut rng, 3));
        expected = merged(expected, &change);

        let data = applied(&store, &[patch(1, change.clone())]).await.session_data.expect("it was merged");

        assert_eq!(Value::Object(data.members.clone()), expected, "after {change}");
        assert_eq!(data.revision, revision);
        assert_eq!(answer(store.session_data(session_id(1)).await), Some(data));
    }
}

/// RFC 7396, section 2, literally.
fn merged(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = match target {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            let old = target.remove(name).unwrap_or(Value::Null);
            target.insert(name.clone(), merged(old, value));
        }
    }
    Value::Object(target)
}

fn any_object(rng: &mut TestRng, depth: usize) -> Map<String, Value> {
    let names =
        ["", "a", "b", "cart", "a.b", "$", "\"", "\\", "é", "🔑", "\u{0}", "0", "[0]", "\u{7f}", "\\u0061"];
    (0..rng.below(5)).map(|_| (rng.one_of(&names).to_owned(), any_value(rng, depth))).collect()
}

fn any_value(rng: &mut TestRng, depth: usize) -> Value {
    match rng.below(if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => Value::Bool(rng.below(2) == 0),
        2 => rng.one_of(&[json!(0), json!(-1), json!(i64::MAX), json!(i64::MIN), json!(u64::MAX)]),
        3 => match rng.below(2) {
            0 => any_float(rng),
            _ => rng.one_of(&[json!(0.5), json!(-1.5e300), json!(1e-7), json!(-0.0)]),
        },
        4 => Value::String(rng.text() + rng.one_of(&["\u{0}", "\u{8}\u{c}\r\t", "</script>", "\u{2028}"])),
        5 => Value::String(String::new()),
        // A null in an array is kept.
        6 => (0..rng.below(4)).map(|_| any_value(rng, depth - 1)).collect(),
        _ => Value::Object(any_object(rng, depth - 1)),
    }
}

/// A number with all its digits, which must be stored exactly.
fn any_float(rng: &mut TestRng) -> Value {
    let digits = rng.below(1 << 30) as f64 / (1 << 30) as f64;
    json!(digits * 10_f64.powi(i32::try_from(rng.below(60)).unwrap_or(0) - 30))
}

pub(super) async fn parallel_patches_of_different_members_are_all_applied(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let mut callers = JoinSet::new();
    for caller in 0..32 {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            for count in 1..=10 {
                let _ = applied(&store, &[patch(1, json!({ format!("caller{caller}"): count }))]).await;
            }
        });
    }
    callers.join_all().await;

    let data = answer(store.session_data(session_id(1)).await).expect("it was merged");
    assert_eq!(data.members.len(), 32);
    assert!(data.members.values().all(|count| *count == 10));
    assert_eq!(data.revision, 320);
}

pub(super) async fn a_patch_above_the_size_limit_changes_nothing(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    // `{"a":"é..."}` is eight bytes and the text. The limit is in bytes, not in characters.
    let text = "é".repeat(10);
    let limited = |limit| {
        Change::merge_data(SessionDataPatch {
            session: session_id(1),
            patch: object(json!({ "a": text })),
            expected_revision: None,
            max_bytes: limit,
            max_bytes_of_user: None,
            now: NOON,
        })
    };
    assert_eq!(conflict(&store, &[limited(27)]).await, 0);
    assert_eq!(answer(store.session_data(session_id(1)).await), None);

    let _ = applied(&store, &[limited(28)]).await;
    let before = answer(store.session_data(session_id(1)).await);
    assert_eq!(conflict(&store, &[limited(27)]).await, 0);
    assert_eq!(answer(store.session_data(session_id(1)).await), before);
}

pub(super) async fn a_patch_applies_only_to_its_expected_revision(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let seen = |expected, member: &str| {
        Change::merge_data(SessionDataPatch {
            session: session_id(1),
            patch: object(json!({ member: 1 })),
            expected_revision: Some(expected),
            max_bytes: 1000,
            max_bytes_of_user: None,
            now: NOON,
        })
    };
    assert_eq!(conflict(&store, &[seen(1, "a")]).await, 0);
    let _ = applied(&store, &[seen(0, "a")]).await;
    assert_eq!(conflict(&store, &[seen(0, "b")]).await, 0);
    assert_eq!(conflict(&store, &[seen(2, "b")]).await, 0);
    let data = applied(&store, &[seen(1, "b"), seen(2, "c")]).await.session_data.expect("it was merged");

    assert_eq!(data.revision, 3);
    assert_eq!(data.members, object(json!({"a": 1, "b": 1, "c": 1})));
}

pub(super) async fn data_is_stored_only_for_active_sessions(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;
    let at = |now| {
        Change::merge_data(SessionDataPatch {
            session: stored.id,
            patch: object(json!({"a": 1})),
            expected_revision: None,
            max_bytes: 1000,
            max_bytes_of_user: None,
            now,
        })
    };
    assert_eq!(conflict(&store, &[at(NOON + DAY)]).await, 0);
    assert_eq!(conflict(&store, &[patch(9, json!({"a": 1}))]).await, 0);
    assert_eq!(answer(store.session_data(stored.id).await), None);

    let _ = applied(&store, &[at(NOON + HOUR), end(1, NOON + HOUR)]).await;
    assert_eq!(conflict(&store, &[at(NOON + HOUR)]).await, 0);
}

pub(super) async fn all_sessions_of_a_user_share_a_size_limit(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let _ = applied(&store, &[insert(session(2, 1)), insert_user(user(3)), insert(session(3, 3))]).await;
    let store_bytes = |number, bytes: usize| {
        Change::merge_data(SessionDataPatch {
            session: session_id(number),
            patch: object(json!({ "a": "x".repeat(bytes) })),
            expected_revision: None,
            max_bytes: 10_000,
            max_bytes_of_user: NonZeroU64::new(10_000),
            now: NOON,
        })
    };

    let _ = applied(&store, &[store_bytes(1, 9_000)]).await;
    assert_eq!(conflict(&store, &[store_bytes(2, 2_000)]).await, 0);
    let _ = applied(&store, &[store_bytes(2, 500)]).await;
    let _ = applied(&store, &[store_bytes(3, 9_000)]).await;
    let _ = applied(&store, &[store_bytes(1, 8_000)]).await;
    let _ = applied(&store, &[end(1, NOON)]).await;
    let _ = applied(&store, &[store_bytes(2, 9_000)]).await;
}
