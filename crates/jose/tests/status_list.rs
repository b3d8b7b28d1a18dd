//! Status lists of the draft: its examples and its test vectors.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

use std::collections::HashMap;

use serde::Deserialize;

use counterfoil_jose::status_list::{StatusBits, StatusList};
use counterfoil_jose::unverified;

mod support;

#[derive(Deserialize)]
struct Vectors {
    json_lists: Vec<List>,
    example_status_list_token_jwt: String,
}

#[derive(Deserialize)]
struct List {
    name: String,
    bits: u64,
    entries: usize,
    /// Of a long list: the statuses other than 0.
    #[serde(default)]
    nonzero: HashMap<usize, u8>,
    /// Of a short list: all statuses.
    #[serde(default)]
    statuses: Vec<u8>,
    lst: String,
}

impl List {
    fn status(&self, index: usize) -> u8 {
        self.nonzero.get(&index).or(self.statuses.get(index)).copied().unwrap_or(0)
    }
}

fn read_vectors() -> Option<Vectors> {
    let path = support::vectors()?.join("token-status-list/status-list-vectors.json");
    let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_slice(&json).unwrap())
}

#[test]
fn the_lists_of_the_draft_are_decoded() {
    let Some(vectors) = read_vectors() else { return };
    assert!(vectors.json_lists.len() >= 4);
    for list in vectors.json_lists {
        let decoded = StatusList::decode(list.bits, &list.lst, list.entries).unwrap();
        assert_eq!(decoded.size(), list.entries, "{}", list.name);
        for index in 0..list.entries {
            assert_eq!(decoded.get(index), Some(list.status(index)), "{} at {index}", list.name);
        }
        assert_eq!(decoded.get(list.entries), None);
    }
}

#[test]
fn an_encoded_list_has_the_statuses_of_the_draft() {
    let Some(vectors) = read_vectors() else { return };
    for list in vectors.json_lists {
        let mut built = StatusList::new(StatusBits::try_from(list.bits).unwrap(), list.entries);
        for index in 0..list.entries {
            assert!(built.set(index, list.status(index)), "{} at {index}", list.name);
        }
        let lst = built.encode();
        assert!(lst.starts_with("eN"), "{}: the header of ZLIB with the highest compression", list.name);
        assert!(lst.len() <= list.lst.len() * 11 / 10, "{}: {} bytes", list.name, lst.len());
        let theirs = StatusList::decode(list.bits, &list.lst, list.entries).unwrap();
        assert_eq!(StatusList::decode(list.bits, &lst, list.entries).unwrap(), theirs, "{}", list.name);
    }
}

#[test]
fn the_example_token_has_the_list_of_the_draft() {
    let Some(vectors) = read_vectors() else { return };
    let claims = unverified::decode(&vectors.example_status_list_token_jwt).unwrap().payload;
    let lst = claims["status_list"]["lst"].as_str().unwrap();

    let list = StatusList::decode(claims["status_list"]["bits"].as_u64().unwrap(), lst, 2).unwrap();

    let statuses: Vec<u8> = (0..16).map(|index| list.get(index).unwrap()).collect();
    assert_eq!(statuses, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
}
