//! Checking a whole store: what each back end finds, and what the findings mean.

mod rule;

use async_trait::async_trait;

use crate::model::key::KeyRecord;
use crate::store::StoreError;
use crate::store::copy::{CopiedTable, CopiedValue, CopyMark};

pub use rule::{ConsistencyRule, RULES};

/// A part of a table that was checked.
#[derive(Debug, Default)]
pub struct CheckedRows {
    /// How many rows were read.
    pub rows: u64,
    /// The key of the last one; `None` after the last part of the table.
    pub next: Option<Vec<CopiedValue>>,
    /// Those that this program cannot read.
    pub unreadable: Violations,
}

/// The records that violate a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    /// How many there are.
    pub count: u64,
    /// The id of one of them, bytes in hexadecimal digits; `None` if no record violates it.
    pub example: Option<String>,
}

impl Violations {
    /// Adds the record with this id.
    pub fn add(&mut self, id: impl FnOnce() -> String) {
        self.count += 1;
        self.example.get_or_insert_with(id);
    }

    /// Adds those of another part of the same table.
    pub fn append(&mut self, other: Self) {
        self.count += other.count;
        self.example = self.example.take().or(other.example);
    }
}

/// A store that is read in one snapshot, also while a server uses it. Nothing is changed.
#[async_trait]
pub trait StoreInspection: Send {
    /// Where the store is, without a password.
    fn location(&self) -> String;

    /// What differs from the schema that the program makes, and damage of the files, each as a sentence without a full
    /// stop.
    async fn damage(&mut self) -> Result<Vec<String>, StoreError>;

    /// The number of rows of a table.
    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, StoreError>;

    /// Reads the next rows of a table, those behind the key `after`, as the server reads them.
    async fn check_rows(
        &mut self,
        table: &'static CopiedTable,
        after: Option<&[CopiedValue]>,
    ) -> Result<CheckedRows, StoreError>;

    /// The records that violate a rule.
    async fn violations(&mut self, rule: ConsistencyRule) -> Result<Violations, StoreError>;

    /// Every key that can be read.
    async fn keys(&mut self) -> Result<Vec<KeyRecord>, StoreError>;

    /// The mark of a copy.
    async fn copy_mark(&mut self) -> Result<Option<CopyMark>, StoreError>;
}
