//! A table that a copy contains.

use super::value::{CopiedRow, CopiedValue};

pub use super::tables::{METADATA, TABLES};

/// The key of the metadata for the version of the rules that the names of the users follow. Every store makes them follow
/// the rules of the program when it is opened.
const NAME_RULES: &str = "name_rules";

/// A table that a copy contains. Every back end has it under this name, unless its own code names another one.
#[derive(Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// Its columns. The first ones are its key.
    pub columns: &'static [Column],
    /// How many of the columns are its key; 0 for a table of a single row.
    pub key: usize,
    /// How many rows are read and written at a time.
    pub batch: u32,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds, NULL apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A number.
    Integer,
    /// A truth value.
    Boolean,
    /// A word of the program, or JSON: a text without NUL.
    Word,
    /// A text that a person or a client has chosen. It may contain NUL.
    FreeText,
    /// Bytes.
    Bytes,
}

impl CopiedTable {
    /// The table with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().copied().find(|table| table.name == name)
    }

    /// Whether the table has one row, which is replaced.
    pub const fn is_single_row(&self) -> bool {
        self.key == 0
    }

    /// The columns of the key.
    pub fn key_columns(&self) -> &'static [Column] {
        &self.columns[..self.key]
    }

    /// The key of a row; `None` in a table of a single row.
    pub fn key_of(&self, row: &CopiedRow) -> Option<Vec<CopiedValue>> {
        (!self.is_single_row()).then(|| row.iter().take(self.key).cloned().collect())
    }

    /// Whether a copy contains this row: all but those that each store writes itself, also while it is opened.
    pub fn is_copied(&self, row: &CopiedRow) -> bool {
        let is_own = |value: &CopiedValue| matches!(value, CopiedValue::Text(key) if key == super::COPY_MARK || key == NAME_RULES);
        self.name != METADATA.name || !row.first().is_some_and(is_own)
    }
}
