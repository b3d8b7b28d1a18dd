//! A migration of a version that does not exist, for tests of an upgrade node by node. No release has it: it is compiled only
//! into builds with debug assertions and the feature `next-schema`.

use std::env;

use refinery::{Migration, Runner};

/// With this variable the program is of the next version.
const VARIABLE: &str = "TEST_NEXT_SCHEMA";

/// A column and a table, as most migrations add them. Older programs may use the store.
const SQL: &str = "ALTER TABLE users ADD COLUMN nickname text;
     CREATE TABLE nicknames (name text NOT NULL PRIMARY KEY)";

/// Whether this process is of the next version.
pub(crate) fn is_chosen() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// The migrations of `runner` and that of `version`, the next one.
pub(crate) fn with_next(runner: &Runner, version: i64) -> Runner {
    let name = format!("V{version}__nicknames");
    let next = Migration::unapplied(&name, SQL).expect("the name of a migration");
    let migrations: Vec<_> = runner.get_migrations().iter().cloned().chain([next]).collect();
    Runner::new(&migrations)
}
