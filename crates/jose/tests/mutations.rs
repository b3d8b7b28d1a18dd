//! Property tests with modified tokens, combined tokens and arbitrary text: only signed tokens are accepted.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

#[path = "support/keys.rs"]
mod keys;

use std::sync::LazyLock;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, base64url, jws, unverified};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::test_runner::Config;

use keys::signing_key;

const ACCESS: &[&str] = &["at+jwt"];

/// For each algorithm the keys of an issuer and two of its tokens.
static ISSUERS: LazyLock<Vec<(KeySet, [String; 2])>> = LazyLock::new(|| {
    let sign = |algorithm| {
        let key = signing_key(algorithm);
        let tokens = ["alice", "bob"]
            .map(|sub| key.sign("at+jwt", format!(r#"{{"sub":"{sub}"}}"#).as_bytes()).unwrap());
        (KeySet::new([key.verifying_key()]).unwrap(), tokens)
    };
    Algorithm::ALL.map(sign).into()
});

/// A change to a text at a given index.
#[derive(Clone, Debug)]
enum Change {
    Replace(u8),
    FlipBit(u8),
    Insert(u8),
    Delete,
    Truncate,
    SwapCase,
    Repeat,
}

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"AQgwZa09-_.=+/ ".to_vec())];
    prop_oneof![
        byte.clone().prop_map(Change::Replace),
        (0..8_u8).prop_map(Change::FlipBit),
        byte.prop_map(Change::Insert),
        Just(Change::Delete),
        Just(Change::Truncate),
        Just(Change::SwapCase),
        Just(Change::Repeat),
    ]
}

fn apply(change: &Change, index: usize, text: &mut Vec<u8>) {
    match change {
        Change::Replace(byte) => text[index] = *byte,
        Change::FlipBit(bit) => text[index] ^= 1 << bit,
        Change::Insert(byte) => text.insert(index, *byte),
        Change::Delete => drop(text.remove(index)),
        Change::Truncate => text.truncate(index),
        Change::SwapCase if text[index].is_ascii_lowercase() => {
            text[index] = text[index].to_ascii_uppercase()
        }
        Change::SwapCase => text[index] = text[index].to_ascii_lowercase(),
        Change::Repeat => text.insert(index, text[index]),
    }
}

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_modified_token_is_never_accepted(
        issuer in 0..Algorithm::ALL.len(),
        changes in proptest::collection::vec((change(), any::<proptest::sample::Index>()), 1..4),
    ) {
        let (keys, [token, _]) = &ISSUERS[issuer];
        let mut bytes = token.clone().into_bytes();
        for (change, index) in &changes {
            if !bytes.is_empty() {
                let index = index.index(bytes.len());
                apply(change, index, &mut bytes);
            }
        }
        let changed = String::from_utf8_lossy(&bytes);
        let accepted = jws::verify(&changed, keys, &Algorithm::ALL, ACCESS).is_ok();
        prop_assert!(accepted == (changed == *token), "{changed}");
    }

    #[test]
    fn parts_of_two_tokens_are_never_accepted_together(issuer in 0..Algorithm::ALL.len(), other in 0..Algorithm::ALL.len(), cut in any::<proptest::sample::Index>()) {
        let ((keys, [alice, bob]), (_, [foreign, _])) = (&ISSUERS[issuer], &ISSUERS[other]);
        for (first, second) in [(alice, bob), (bob, alice), (alice, foreign), (foreign, alice)] {
            let cut = cut.index(first.len().min(second.len()));
            let spliced = format!("{}{}", &first[..cut], &second[cut..]);
            let accepted = jws::verify(&spliced, keys, &Algorithm::ALL, ACCESS).is_ok();
            prop_assert!(!accepted || spliced == *alice || spliced == *bob, "{spliced}");
        }
    }

    #[test]
    fn arbitrary_text_never_causes_a_panic(text in "\\PC{0,64}", dotted in "[eyJhbGciOi.A_=-]{0,96}", bytes: Vec<u8>) {
        let keys = &ISSUERS[0].0;
        let encoded = format!("{}.{}.AAAA", base64url::encode(&bytes), base64url::encode(&text));
        for text in [&text, &dotted, &encoded] {
            prop_assert!(jws::verify(text, keys, &Algorithm::ALL, ACCESS).is_err());
            drop(unverified::decode(text));
        }
        drop(JwkSet::from_json(&bytes));
    }
}
