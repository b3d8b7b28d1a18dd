//! Each act of the lab: its frames agree with what the modes promise, and its trace is as the schema says.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod schema;

use counterfoil_lab::{Act, Frame, FrameKind, Place, TRACE_SCHEMA, Trace, TraceMode, play};
use counterfoil_test_support::contains_jwt;
use serde_json::Value;

use crate::schema::violations;

/// Plays an act, and validates its trace.
fn played(act: Act) -> Trace {
    let trace = play(act).unwrap();
    let schema: Value = serde_json::from_str(TRACE_SCHEMA).unwrap();
    let found = violations(&schema, &serde_json::to_value(&trace).unwrap());
    assert!(found.is_empty(), "{found:?}");
    let numbers: Vec<usize> = trace.frames.iter().map(|frame| frame.n).collect();
    assert_eq!(numbers, (1..=trace.frames.len()).collect::<Vec<_>>());
    trace
}

/// The statuses that a place has given to a mode, in order.
fn statuses(trace: &Trace, place: Place, mode: TraceMode) -> Vec<u16> {
    let is_wanted = |frame: &&Frame| frame.from == place && frame.mode == Some(mode);
    let frames = trace.frames.iter().filter(is_wanted);
    frames.filter_map(|frame| frame.verdict.as_ref()).map(|verdict| verdict.status).collect()
}

/// The stored sessions of a mode, in order.
fn stored(trace: &Trace, mode: TraceMode) -> Vec<Value> {
    let frames = trace.frames.iter().filter(|frame| frame.mode == Some(mode));
    frames.filter_map(|frame| frame.kept.as_ref()).map(|kept| kept.after.clone()).collect()
}

const MODES: [TraceMode; 3] = [TraceMode::Session, TraceMode::Jwt, TraceMode::Hybrid];
const TOKEN_MODES: [TraceMode; 2] = [TraceMode::Jwt, TraceMode::Hybrid];

#[test]
fn login_stores_a_record_of_each_mode_and_no_token() {
    let trace = played(Act::Login);

    let kinds: Vec<String> = MODES
        .iter()
        .map(|mode| stored(&trace, *mode)[0]["credential"]["kind"].as_str().unwrap().to_owned())
        .collect();
    assert!(kinds[0].contains("hash") && kinds[1].contains("nothing") && kinds[2].contains("counter"));
    for frame in trace.frames.iter().filter_map(|frame| frame.kept.as_ref()) {
        let record = frame.after.to_string();
        assert!(!contains_jwt(&record) && !record.contains("cfs_") && !record.contains("cfr_"), "{record}");
        assert!(frame.before.is_null());
    }
    let set_cookie = trace.frames.iter().filter_map(|frame| frame.wire.as_ref());
    assert!(
        set_cookie.clone().any(|wire| wire.head.contains("set-cookie") && wire.head.contains("HttpOnly"))
    );
}

#[test]
fn call_is_accepted_everywhere_without_a_read_of_the_store() {
    let trace = played(Act::Call);

    assert_eq!(statuses(&trace, Place::Issuer, TraceMode::Session), [200, 200]);
    for mode in TOKEN_MODES {
        for place in [Place::A, Place::B, Place::KeysOnly, Place::Guide] {
            assert_eq!(statuses(&trace, place, mode), [200], "{mode:?} {place:?}");
        }
    }
    let reads: Vec<&str> =
        trace.frames.iter().filter_map(|frame| frame.text.strip_prefix("reads of the store")).collect();
    assert_eq!(reads, [" for these checks: 0"; 3]);
}

#[test]
fn logout_is_known_at_once_but_to_a_service_with_the_keys_only() {
    let trace = played(Act::Logout);

    for mode in MODES {
        assert_eq!(statuses(&trace, Place::Issuer, mode), [401], "{mode:?}");
        let records = stored(&trace, mode);
        assert!(records[0]["ended"].is_null());
        assert_eq!(records[1]["ended"]["reason"], "logout");
    }
    assert_eq!(
        trace.steps,
        ["Log in", "Log out", "Ask every place again", "Ask when the tokens have expired"]
    );
    // A token ends by itself after its life and the leeway of a minute, by the clock of the lab.
    for (mode, minutes) in [(TraceMode::Jwt, 61.0), (TraceMode::Hybrid, 16.0)] {
        let mut frames = trace.frames.iter().filter(|frame| frame.from == Place::KeysOnly);
        let last = frames.rfind(|frame| frame.mode == Some(mode)).unwrap();
        let after = last.verdict.as_ref().unwrap().after_ms.unwrap() / 60_000.0;
        assert!((minutes..minutes + 2.0).contains(&after), "{mode:?}: {after}");
    }
    for mode in TOKEN_MODES {
        assert_eq!(statuses(&trace, Place::A, mode), [401]);
        assert_eq!(statuses(&trace, Place::B, mode), [401]);
        assert_eq!(statuses(&trace, Place::KeysOnly, mode), [200, 401]);
        assert_eq!(statuses(&trace, Place::Guide, mode), [200, 401]);
    }
    let entries = trace.frames.iter().filter(|frame| frame.kind == FrameKind::Log).count();
    assert_eq!(entries, 3);
}

#[test]
fn expire_ends_access_tokens_before_sessions() {
    let trace = played(Act::Expire);

    assert_eq!(statuses(&trace, Place::Issuer, TraceMode::Session), [200, 401]);
    assert_eq!(statuses(&trace, Place::Issuer, TraceMode::Jwt), [401, 401]);
    assert_eq!(statuses(&trace, Place::Issuer, TraceMode::Hybrid), [401, 200, 401]);
    assert!(trace.clock_offset_ms > 3_600_000);
}

#[test]
fn refresh_repeats_a_lost_answer_and_detects_reuse() {
    let trace = played(Act::Refresh);

    let records = stored(&trace, TraceMode::Hybrid);
    let counters: Vec<u64> =
        records.iter().map(|record| record["credential"]["counter"].as_u64().unwrap()).collect();
    assert_eq!(counters[1], counters[0] + 1);
    assert_eq!(counters[2], counters[1]);
    assert_eq!(counters[3], counters[2] + 1);
    assert_eq!(records[4]["ended"]["reason"], "refresh_reuse_detected");
    assert_eq!(statuses(&trace, Place::Issuer, TraceMode::Hybrid), [401]);
    for text in ["both answers have the same refresh token", "32 refreshes at once give 1 refresh token(s)"] {
        assert!(trace.frames.iter().any(|frame| frame.text == text), "{text}");
    }
}

#[test]
fn steal_gives_the_thief_access_until_the_logout() {
    let trace = played(Act::Steal);

    for mode in MODES {
        assert_eq!(statuses(&trace, Place::Issuer, mode), [200, 401, 401], "{mode:?}");
    }
}

#[test]
fn password_ends_the_sessions_of_all_modes() {
    let trace = played(Act::Password);

    for mode in MODES {
        assert_eq!(statuses(&trace, Place::Issuer, mode), [401], "{mode:?}");
    }
}

#[test]
fn cut_makes_a_service_unavailable_and_then_it_catches_up() {
    let trace = played(Act::Cut);

    assert_eq!(statuses(&trace, Place::A, TraceMode::Jwt), [200, 401]);
    assert_eq!(statuses(&trace, Place::B, TraceMode::Jwt), [200, 200, 503, 401]);
}

#[test]
fn issuer_down_leaves_services_until_their_lease_ends() {
    let trace = played(Act::IssuerDown);

    for mode in TOKEN_MODES {
        assert_eq!(statuses(&trace, Place::A, mode), [200, 503], "{mode:?}");
        assert_eq!(statuses(&trace, Place::KeysOnly, mode), [200, 200], "{mode:?}");
    }
}

#[test]
fn rotate_makes_no_token_fail() {
    let trace = played(Act::Rotate);

    for mode in TOKEN_MODES {
        for place in [Place::Issuer, Place::A, Place::B, Place::KeysOnly, Place::Guide] {
            assert_eq!(statuses(&trace, place, mode), [200, 200], "{mode:?} {place:?}");
        }
    }
    let keys: Vec<&str> = trace
        .frames
        .iter()
        .filter_map(|frame| frame.text.strip_prefix("the token is signed with the key "))
        .collect();
    let [former, second, new, newer] = keys[..] else { panic!("{keys:?}") };
    assert!(former == second && new == newer && former != new, "{keys:?}");
}

#[test]
fn revoke_key_ends_its_tokens_and_no_session() {
    let trace = played(Act::RevokeKey);

    assert_eq!(statuses(&trace, Place::Issuer, TraceMode::Session), [200]);
    for mode in TOKEN_MODES {
        for place in [Place::Issuer, Place::A, Place::B] {
            assert_eq!(statuses(&trace, place, mode), [401], "{mode:?} {place:?}");
        }
        assert_eq!(statuses(&trace, Place::KeysOnly, mode), [200], "{mode:?}");
    }
    let last = trace.frames.last().unwrap();
    assert_eq!((last.kind, last.text.as_str()), (FrameKind::Answer, "answers 200"));
}

#[test]
fn store_down_verifies_and_changes_nothing() {
    let trace = played(Act::StoreDown);

    for mode in MODES {
        assert_eq!(statuses(&trace, Place::Issuer, mode), [200, 200], "{mode:?}");
    }
    for mode in TOKEN_MODES {
        for place in [Place::A, Place::KeysOnly] {
            assert_eq!(statuses(&trace, place, mode), [200], "{mode:?} {place:?}");
        }
    }
    let last = trace.frames.iter().filter(|frame| frame.step == trace.steps.len());
    let answers: Vec<&str> =
        last.filter(|frame| frame.kind == FrameKind::Answer).map(|frame| frame.text.as_str()).collect();
    assert_eq!(answers, ["answers 503"; 7]);
}

#[test]
fn other_site_ends_no_session() {
    let trace = played(Act::OtherSite);

    for mode in MODES {
        assert_eq!(statuses(&trace, Place::Issuer, mode), [200], "{mode:?}");
    }
    assert!(trace.frames.iter().any(|frame| frame.text == "answers 403"));
}

#[test]
fn script_finds_no_session_token_in_a_body() {
    let trace = played(Act::Script);

    let bodies = |mode| {
        let frames = trace.frames.iter().filter(move |frame| frame.mode == Some(mode));
        frames.filter_map(|frame| frame.wire.as_ref()).map(|wire| wire.body.as_str()).collect::<String>()
    };
    assert!(!bodies(TraceMode::Session).contains("cfs_"));
    assert!(bodies(TraceMode::Jwt).contains("eyJ") && bodies(TraceMode::Hybrid).contains("cfr_"));
}

#[test]
fn tamper_gives_no_token_that_is_accepted() {
    let trace = played(Act::Tamper);

    assert_eq!(statuses(&trace, Place::KeysOnly, TraceMode::Jwt), [401; 5]);
    assert_eq!(statuses(&trace, Place::Issuer, TraceMode::Jwt), [401, 401, 401, 401, 401, 200]);
}
