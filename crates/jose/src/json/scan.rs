//! The first pass over a JSON text: checks syntax, duplicate members and depth.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::JsonLimits;
use super::error::{JsonError, JsonErrorKind};

/// The text of `bytes`, if it is one JSON value within `limits` without duplicate members.
///
/// Builds no values. Short objects without escapes in their member names need no allocation.
pub(super) fn scan<'de>(bytes: &'de [u8], limits: &JsonLimits) -> Result<&'de str, JsonError> {
    let text = utf8(bytes)?;
    let kind = Cell::new(JsonErrorKind::Syntax);
    let mut reader = serde_json::Deserializer::from_str(text);
    Scan { kind: &kind, remaining_depth: limits.max_depth }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| JsonError::at(kind.get(), error.line(), error.column()))?;
    Ok(text)
}

fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError::at(JsonErrorKind::ByteOrderMark, 1, 1));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let line_start = valid.iter().rposition(|&byte| byte == b'\n').map_or(0, |index| index + 1);
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        JsonError::at(JsonErrorKind::NotUtf8, line, valid.len() - line_start + 1)
    })
}

/// Visits one value and everything in it.
#[derive(Clone, Copy)]
struct Scan<'s> {
    /// The kind of the error if the visit fails. It is passed here because serde's errors contain only text.
    kind: &'s Cell<JsonErrorKind>,
    /// How many more levels may be nested.
    remaining_depth: usize,
}

impl Scan<'_> {
    fn nested<E: Error>(self) -> Result<Self, E> {
        let depth = self.remaining_depth.checked_sub(1);
        let remaining_depth = depth.ok_or_else(|| self.fail(JsonErrorKind::TooDeep))?;
        Ok(Self { remaining_depth, ..self })
    }

    fn fail<E: Error>(self, kind: JsonErrorKind) -> E {
        self.kind.set(kind);
        E::custom("")
    }
}

impl<'de> DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        if number.is_finite() { Ok(()) } else { Err(E::custom("")) }
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let nested = self.nested()?;
        while elements.next_element_seed(nested)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let nested = self.nested()?;
        let mut names = MemberNames::default();
        while let Some(name) = members.next_key_seed(NameSeed)? {
            if !names.insert(name) {
                return Err(self.fail(JsonErrorKind::DuplicateMember));
            }
            members.next_value_seed(nested)?;
        }
        Ok(())
    }
}

/// Visits a member name: borrowed from the text, or unescaped.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The number of names that are compared one by one; more names are stored in a hash set. Otherwise an object
/// with ten thousand members would cost a hundred million comparisons.
const MAX_INLINE_NAMES: usize = 24;

/// The member names of one object that have been read.
struct MemberNames<'de> {
    inline: [Cow<'de, str>; MAX_INLINE_NAMES],
    inline_count: usize,
    overflow: HashSet<Cow<'de, str>>,
}

impl Default for MemberNames<'_> {
    fn default() -> Self {
        Self {
            inline: [const { Cow::Borrowed("") }; MAX_INLINE_NAMES],
            inline_count: 0,
            overflow: HashSet::new(),
        }
    }
}

impl<'de> MemberNames<'de> {
    /// Adds `name`. Returns false if it was present already.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.inline[..self.inline_count].contains(&name) {
            return false;
        }
        if self.inline_count == MAX_INLINE_NAMES {
            return self.overflow.insert(name);
        }
        self.inline[self.inline_count] = name;
        self.inline_count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::scan;
    use crate::json::{JsonError, JsonErrorKind, JsonLimits};

    fn error_kind(text: impl AsRef<[u8]>) -> Option<JsonErrorKind> {
        scan(text.as_ref(), &JsonLimits::default()).err().map(|error: JsonError| error.kind())
    }

    #[test]
    fn duplicate_members_are_rejected_at_every_level_and_with_escapes() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"":1,"":2}"#,
            r#"[{"a":{"b":1,"c":2,"b":3}}]"#,
            r#"{"x":"\ud83d\ude00","😀":1,"\ud83d\ude00":2}"#,
        ] {
            assert_eq!(error_kind(text), Some(JsonErrorKind::DuplicateMember), "{text}");
        }
        assert_eq!(error_kind(r#"{"a":{"a":1},"b":{"a":1},"A":[{"a":1},{"a":1}]}"#), None);
    }

    #[test]
    fn a_duplicate_member_among_thousands_is_found() {
        let mut members: Vec<String> = (0..10_000).map(|n| format!("\"{n}\":0")).collect();
        assert_eq!(error_kind(format!("{{{}}}", members.join(","))), None);

        for first in [0, 23, 24, 9_999] {
            members.push(format!("\"{first}\":0"));
            assert_eq!(
                error_kind(format!("{{{}}}", members.join(","))),
                Some(JsonErrorKind::DuplicateMember)
            );
            members.pop();
        }
    }

    #[test]
    fn deep_nesting_is_rejected_without_stack_overflow() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(error_kind(nested(32)), None);
        assert_eq!(error_kind(nested(33)), Some(JsonErrorKind::TooDeep));
        assert_eq!(error_kind("[".repeat(100_000)), Some(JsonErrorKind::TooDeep));
        assert_eq!(error_kind("{\"a\":".repeat(100_000)), Some(JsonErrorKind::TooDeep));
        assert!(scan(b"[]", &JsonLimits { max_depth: 0 }).is_err());
    }

    #[test]
    fn other_encodings_byte_order_marks_and_numbers_out_of_range_are_rejected() {
        assert_eq!(error_kind(b"\xEF\xBB\xBF{}"), Some(JsonErrorKind::ByteOrderMark));
        assert_eq!(error_kind(b"\"\xFF\""), Some(JsonErrorKind::NotUtf8));
        assert_eq!(error_kind(b"\xFE\xFF\0{\0}"), Some(JsonErrorKind::NotUtf8));
        for text in ["1e999", "-1e999", "[1e400]", "NaN", "Infinity", "{} {}", "{}x", "", " ", "{\"a\":1,}"] {
            assert_eq!(error_kind(text), Some(JsonErrorKind::Syntax), "{text}");
        }
    }
}
