//! The value of a column as every back end has it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The value of a column. Its debug output shows no content: a row may hold the hash of a password or an encrypted key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopiedValue {
    /// NULL.
    Null,
    /// A number.
    Integer(i64),
    /// A truth value. SQLite stores it as 0 or 1.
    Boolean(bool),
    /// A text, as the program reads it.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of the columns of its table.
pub type CopiedRow = Vec<CopiedValue>;

impl CopiedValue {
    /// The value as an error shows it: bytes in hexadecimal digits. For a part of a key only.
    pub fn to_shown(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// Appends the value to the input of a digest: a tag, and for what has a variable length its length.
    pub(super) fn append_to(&self, input: &mut Vec<u8>) {
        match self {
            Self::Null => input.push(0),
            Self::Integer(number) => {
                input.push(1);
                input.extend(number.to_be_bytes());
            }
            Self::Boolean(value) => input.extend([2, u8::from(*value)]),
            Self::Text(text) => append_bytes(input, 3, text.as_bytes()),
            Self::Bytes(bytes) => append_bytes(input, 4, bytes),
        }
    }
}

fn append_bytes(input: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    input.push(tag);
    input.extend((bytes.len() as u64).to_be_bytes());
    input.extend(bytes);
}

impl fmt::Debug for CopiedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Integer(_) => "Integer",
            Self::Boolean(_) => "Boolean",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_output_has_no_content() {
        let row =
            [CopiedValue::Text("$argon2id$swordfish".into()), CopiedValue::Bytes(vec![7]), CopiedValue::Null];
        assert_eq!(format!("{row:?}"), "[Text, Bytes, Null]");
    }
}
