//! Changed tokens, spliced tokens and noise: nothing but what was signed is accepted.

#![allow(clippy::unwrap_used, reason = "what a test can't prepare fails it")]

#[path = "support/keys.rs"]
mod keys;

use std::sync::LazyLock;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, base64url, jws, unverified};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::test_runner::Config;

use keys::signing_key;

const ACCESS: &[&str] = &["at+jwt"];

/// For each algorithm the keys of an issuer, and two tokens of it.
static GENUINE: LazyLock<Vec<(KeySet, [String; 2])>> = LazyLock::new(|| {
    let sign = |algorithm| {
        let key = signing_key(algorithm);
        let tokens = ["alice", "bob"]
            .map(|sub| key.sign("at+jwt", format!(r#"{{"sub":"{sub}"}}"#).as_bytes()).unwrap());
        (KeySet::new([key.verifying_key()]).unwrap(), tokens)
    };
    Algorithm::ALL.map(sign).into()
});

/// A change to a text, at a place between 0 and its end.
#[derive(Clone, Debug)]
enum Change {
    Replace(u8),
    Flip(u8),
    Insert(u8),
    Delete,
    Cut,
    SwapCase,
    Repeat,
}

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"AQgwZa09-_.=+/ ".to_vec())];
    prop_oneof![
        byte.clone().prop_map(Change::Replace),
        (0..8_u8).prop_map(Change::Flip),
        byte.prop_map(Change::Insert),
        Just(Change::Delete),
        Just(Change::Cut),
        Just(Change::SwapCase),
        Just(Change::Repeat),
    ]
}

fn apply(change: &Change, place: usize, text: &mut Vec<u8>) {
    match change {
        Change::Replace(byte) => text[place] = *byte,
        Change::Flip(bit) => text[place] ^= 1 << bit,
        Change::Insert(byte) => text.insert(place, *byte),
        Change::Delete => drop(text.remove(place)),
        Change::Cut => text.truncate(place),
        Change::SwapCase if text[place].is_ascii_lowercase() => {
            text[place] = text[place].to_ascii_uppercase()
        }
        Change::SwapCase => text[place] = text[place].to_ascii_lowercase(),
        Change::Repeat => text.insert(place, text[place]),
    }
}

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_changed_token_is_never_accepted(
        which in 0..Algorithm::ALL.len(),
        changes in proptest::collection::vec((change(), any::<proptest::sample::Index>()), 1..4),
    ) {
        let (keys, [token, _]) = &GENUINE[which];
        let mut bytes = token.clone().into_bytes();
        for (change, place) in &changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                apply(change, place, &mut bytes);
            }
        }
        let changed = String::from_utf8_lossy(&bytes);
        let accepted = jws::verify(&changed, keys, &Algorithm::ALL, ACCESS).is_ok();
        prop_assert!(accepted == (changed == *token), "{changed}");
    }

    #[test]
    fn parts_of_two_tokens_are_no_third(which in 0..Algorithm::ALL.len(), other in 0..Algorithm::ALL.len(), cut in any::<proptest::sample::Index>()) {
        let ((keys, [alice, bob]), (_, [foreign, _])) = (&GENUINE[which], &GENUINE[other]);
        for (front, back) in [(alice, bob), (bob, alice), (alice, foreign), (foreign, alice)] {
            let cut = cut.index(front.len().min(back.len()));
            let spliced = format!("{}{}", &front[..cut], &back[cut..]);
            let accepted = jws::verify(&spliced, keys, &Algorithm::ALL, ACCESS).is_ok();
            prop_assert!(!accepted || spliced == *alice || spliced == *bob, "{spliced}");
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,64}", dotted in "[eyJhbGciOi.A_=-]{0,96}", bytes: Vec<u8>) {
        let keys = &GENUINE[0].0;
        let encoded = format!("{}.{}.AAAA", base64url::encode(&bytes), base64url::encode(&text));
        for text in [&text, &dotted, &encoded] {
            prop_assert!(jws::verify(text, keys, &Algorithm::ALL, ACCESS).is_err());
            drop(unverified::peek(text));
        }
        drop(JwkSet::from_json(&bytes));
    }
}
