//! Texts that the credentials of many users have in common, kept in memory once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// How many values are shared at a time, of each kind. An issuer has a few clients, scopes and sets of roles; one that has more is
/// served as well, with more memory.
const MAX_VALUES: usize = 1_024;

/// The longest text that is shared, and the longest list, in bytes: the set itself must stay small.
const MAX_BYTES: usize = 1_024;

static TEXTS: LazyLock<Interner<str>> = LazyLock::new(Interner::default);
static LISTS: LazyLock<Interner<[String]>> = LazyLock::new(Interner::default);

/// The text, shared with everything else in this process that has the same.
pub(crate) fn share_text(text: Arc<str>) -> Arc<str> {
    if text.len() > MAX_BYTES { text } else { TEXTS.share(text) }
}

/// The list, shared with everything else in this process that has the same.
pub(crate) fn share_list(list: Vec<String>) -> Arc<[String]> {
    let is_long = list.iter().map(|text| size_of::<String>() + text.len()).sum::<usize>() > MAX_BYTES;
    if is_long { list.into() } else { LISTS.share(list.into()) }
}

/// Values of which equal ones are one.
struct Interner<T: ?Sized> {
    values: Mutex<HashSet<Arc<T>>>,
}

impl<T: ?Sized> Default for Interner<T> {
    fn default() -> Self {
        Self { values: Mutex::default() }
    }
}

impl<T: ?Sized + Eq + Hash> Interner<T> {
    /// A value that is equal to `value`.
    fn share(&self, value: Arc<T>) -> Arc<T> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = values.get(&value) {
            return Arc::clone(known);
        }
        if values.len() >= MAX_VALUES {
            // What is in use stays with those that use it.
            values.clear();
        }
        values.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_and_lists_are_one() {
        assert!(Arc::ptr_eq(&share_text("orders:read".into()), &share_text("orders:read".into())));
        let list = || vec!["admin".to_owned(), "support".to_owned()];
        assert!(Arc::ptr_eq(&share_list(list()), &share_list(list())));
        assert_ne!(share_list(list()), share_list(vec!["admin".to_owned()]));
    }

    #[test]
    fn long_values_are_not_kept() {
        let long = "a".repeat(MAX_BYTES + 1);

        assert!(!Arc::ptr_eq(&share_text(long.as_str().into()), &share_text(long.as_str().into())));
        assert!(!Arc::ptr_eq(&share_list(vec![long.clone()]), &share_list(vec![long])));
    }

    #[test]
    fn the_number_of_kept_values_is_bounded() {
        let interner = Interner::<str>::default();
        for number in 0..3 * MAX_VALUES {
            let text: Arc<str> = number.to_string().into();
            assert_eq!(interner.share(Arc::clone(&text)), text);
        }

        assert!(interner.values.lock().unwrap().len() <= MAX_VALUES);
    }
}
