//! Words of ours that are read back: a program has only so many of them, so each is kept once, for good.

use std::collections::HashSet;
use std::sync::Mutex;

/// More words than the program has. What comes beyond was not written by us, and is not kept.
const MOST: usize = 256;

/// What stands in the place of a word that cannot be kept.
const UNKNOWN: &str = "unknown";

static KEPT: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

/// The same word, kept for the life of the process. A damaged journal can't fill the memory with it.
pub(crate) fn kept(word: &str) -> &'static str {
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if let Some(known) = kept.get(word) {
        return known;
    }
    if kept.len() >= MOST || word.len() > MOST {
        return UNKNOWN;
    }
    let word: &'static str = Box::leak(word.into());
    kept.insert(word);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once_and_only_so_many_are() {
        assert!(std::ptr::eq(kept("session"), kept("session")));

        for number in 0..2 * MOST {
            kept(&number.to_string());
        }

        assert_eq!(kept("one too many"), UNKNOWN);
        assert_eq!(kept("session"), "session");
    }
}
