//! The pass before reading: is this text JSON with one meaning?

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Limits;
use super::error::{JsonError, JsonFault};

/// The text of `bytes`, if it is one JSON value within `limits` that names no member twice.
///
/// Nothing is built; short objects without escapes in their names cost no allocation.
pub(super) fn scan<'de>(bytes: &'de [u8], limits: &Limits) -> Result<&'de str, JsonError> {
    let text = utf8(bytes)?;
    let fault = Cell::new(JsonFault::Syntax);
    let mut reader = serde_json::Deserializer::from_str(text);
    Scan { fault: &fault, depth: limits.depth }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| JsonError::at(fault.get(), error.line(), error.column()))?;
    Ok(text)
}

fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError::at(JsonFault::ByteOrderMark, 1, 1));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let line_start = valid.iter().rposition(|&byte| byte == b'\n').map_or(0, |place| place + 1);
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        JsonError::at(JsonFault::NotUtf8, line, valid.len() - line_start + 1)
    })
}

/// Visits one value and all below it.
#[derive(Clone, Copy)]
struct Scan<'s> {
    /// What to blame if the visit fails: told from here, since serde's errors carry text alone.
    fault: &'s Cell<JsonFault>,
    /// How many levels may still be opened.
    depth: usize,
}

impl Scan<'_> {
    fn below<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| self.blame(JsonFault::TooDeep))?;
        Ok(Self { depth, ..self })
    }

    fn blame<E: Error>(self, fault: JsonFault) -> E {
        self.fault.set(fault);
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
        let below = self.below()?;
        while elements.next_element_seed(below)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let below = self.below()?;
        let mut names = Names::default();
        while let Some(name) = members.next_key_seed(Name)? {
            if !names.insert(name) {
                return Err(self.blame(JsonFault::DuplicateMember));
            }
            members.next_value_seed(below)?;
        }
        Ok(())
    }
}

/// Visits a member's name: borrowed from the text, or unescaped.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
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

/// How many names are compared one by one before a hash set takes over: an object of ten thousand
/// members must not cost a hundred million comparisons.
const FEW: usize = 24;

/// The names of one object so far.
struct Names<'de> {
    few: [Cow<'de, str>; FEW],
    count: usize,
    many: HashSet<Cow<'de, str>>,
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self { few: [const { Cow::Borrowed("") }; FEW], count: 0, many: HashSet::new() }
    }
}

impl<'de> Names<'de> {
    /// Adds `name`; false if it was there.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.few[..self.count].contains(&name) {
            return false;
        }
        if self.count == FEW {
            return self.many.insert(name);
        }
        self.few[self.count] = name;
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::scan;
    use crate::json::{JsonError, JsonFault, Limits};

    fn fault(text: impl AsRef<[u8]>) -> Option<JsonFault> {
        scan(text.as_ref(), &Limits::default()).err().map(|error: JsonError| error.fault())
    }

    #[test]
    fn a_name_twice_is_refused_at_every_level_and_however_it_is_escaped() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"":1,"":2}"#,
            r#"[{"a":{"b":1,"c":2,"b":3}}]"#,
            r#"{"x":"\ud83d\ude00","😀":1,"\ud83d\ude00":2}"#,
        ] {
            assert_eq!(fault(text), Some(JsonFault::DuplicateMember), "{text}");
        }
        assert_eq!(fault(r#"{"a":{"a":1},"b":{"a":1},"A":[{"a":1},{"a":1}]}"#), None);
    }

    #[test]
    fn a_name_twice_is_found_among_thousands() {
        let mut members: Vec<String> = (0..10_000).map(|n| format!("\"{n}\":0")).collect();
        assert_eq!(fault(format!("{{{}}}", members.join(","))), None);

        for first in [0, 23, 24, 9_999] {
            members.push(format!("\"{first}\":0"));
            assert_eq!(fault(format!("{{{}}}", members.join(","))), Some(JsonFault::DuplicateMember));
            members.pop();
        }
    }

    #[test]
    fn depth_is_limited_before_the_stack_is() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(fault(nested(32)), None);
        assert_eq!(fault(nested(33)), Some(JsonFault::TooDeep));
        assert_eq!(fault("[".repeat(100_000)), Some(JsonFault::TooDeep));
        assert_eq!(fault("{\"a\":".repeat(100_000)), Some(JsonFault::TooDeep));
        assert!(scan(b"[]", &Limits { depth: 0 }).is_err());
    }

    #[test]
    fn other_encodings_marks_and_numbers_out_of_range_are_refused() {
        assert_eq!(fault(b"\xEF\xBB\xBF{}"), Some(JsonFault::ByteOrderMark));
        assert_eq!(fault(b"\"\xFF\""), Some(JsonFault::NotUtf8));
        assert_eq!(fault(b"\xFE\xFF\0{\0}"), Some(JsonFault::NotUtf8));
        for text in ["1e999", "-1e999", "[1e400]", "NaN", "Infinity", "{} {}", "{}x", "", " ", "{\"a\":1,}"] {
            assert_eq!(fault(text), Some(JsonFault::Syntax), "{text}");
        }
    }
}
