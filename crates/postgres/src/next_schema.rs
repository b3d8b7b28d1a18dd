//! Migrations of versions that do not exist, for tests of an upgrade node by node. No release has them: they are compiled only
//! into builds with debug assertions and the feature `next-schema`.

use std::env;

use refinery::Migration;

/// With this variable the program is of a later version: `1` is the next one, `2` the one after it.
const VARIABLE: &str = "TEST_NEXT_SCHEMA";

/// A column and a table, as most migrations add them. Older programs may use the store.
const ADD_TABLE: &str = "ALTER TABLE users ADD COLUMN nickname text;
     CREATE TABLE nicknames (name text NOT NULL PRIMARY KEY)";

/// What the next version knows must be written from here on, so the version before it is locked out.
const REQUIRE_COLUMN: &str = "UPDATE users SET nickname = username WHERE nickname IS NULL;
     ALTER TABLE users ALTER COLUMN nickname SET NOT NULL;
     UPDATE schema_compatibility SET min_reader =";

/// How many versions this process is ahead.
pub(crate) fn added_versions() -> i64 {
    let value = env::var(VARIABLE).unwrap_or_default();
    value.parse().map_or(0, |versions: i64| versions.clamp(0, 2))
}

/// The lowest version of a program that may use a store which this process has migrated, if its migrations change that.
pub(crate) fn min_reader(version: i64) -> Option<i64> {
    (added_versions() == 2).then_some(version + 1)
}

/// The migrations after those of `version`.
pub(crate) fn migrations(version: i64) -> impl Iterator<Item = Migration> {
    let next = (version + 1, "nicknames", ADD_TABLE.to_owned());
    let after = (version + 2, "nicknames_required", format!("{REQUIRE_COLUMN} {}", version + 1));
    let added = usize::try_from(added_versions()).unwrap_or_default();
    [next, after].into_iter().take(added).map(|(version, name, sql)| {
        let name = format!("V{version}__{name}");
        Migration::unapplied(&name, &sql).expect("the name of a migration")
    })
}
