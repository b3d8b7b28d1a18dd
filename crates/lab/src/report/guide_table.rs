//! The features that sessions and JWTs are usually compared by, answered by figures.

use std::collections::BTreeSet;

use crate::report::cell_text::{quantity, value};
use crate::report::model::{Column, Figure, Row, TableRow};

/// The rows, each with the figures that answer it. The first one is shown beside the sentence.
const ROWS: [(Row, &[&str]); 7] = [
    (Row::Storage, &["kept.disk", "kept.memory", "client.bytes"]),
    (Row::Scalability, &["check.cpu", "check.rate", "store.reads.check", "crossing"]),
    (
        Row::Security,
        &["stolen.unnoticed", "stolen.logout", "stolen.password_change", "stolen.both", "script"],
    ),
    (Row::Revocation, &["logout.issuer", "logout.follower", "logout.cut", "logout.keys_only"]),
    (Row::PayloadSize, &["wire.request", "wire.request.whole"]),
    (Row::CrossDomain, &["crossing"]),
    (
        Row::State,
        &[
            "down.issuer",
            "down.issuer.after_lease",
            "down.issuer.keys_only",
            "down.store.check",
            "down.store.login",
            "restart.still_good",
        ],
    ),
];

/// The name of a feature.
#[must_use]
pub const fn label(row: Row) -> &'static str {
    match row {
        Row::Storage => "storage",
        Row::Scalability => "scalability",
        Row::Security => "security",
        Row::Revocation => "revocation",
        Row::PayloadSize => "payload size",
        Row::CrossDomain => "cross-domain",
        Row::State => "state",
    }
}

/// What is usually said of sessions, and of JWTs.
#[must_use]
pub const fn usual_answer(row: Row) -> (&'static str, &'static str) {
    match row {
        Row::Storage => ("on the server", "with the client"),
        Row::Scalability => ("needs a shared store", "scales easily"),
        Row::Security => ("safer", "exposed to XSS"),
        Row::Revocation => ("at once", "hard"),
        Row::PayloadSize => ("small", "larger"),
        Row::CrossDomain => ("limited", "easy"),
        Row::State => ("stateful", "stateless"),
    }
}

/// The rows that `figures`, whose names are `ids`, can answer.
pub(crate) fn answer(figures: &[Figure], ids: &BTreeSet<&str>) -> Vec<TableRow> {
    let known = Known(figures);
    let row = |(row, wanted): (Row, &[&str])| {
        let found: Vec<String> =
            wanted.iter().filter(|id| ids.contains(**id)).map(|id| (*id).to_owned()).collect();
        let says = known.sentence(row)? + &known.more(row).unwrap_or_default();
        Some(TableRow { row, figures: found, says })
    };
    ROWS.into_iter().filter_map(row).collect()
}

/// The figures of a report, by name.
struct Known<'a>(&'a [Figure]);

impl Known<'_> {
    /// The answer in a sentence, made of the figures; `None` if one of them was not measured.
    fn sentence(&self, row: Row) -> Option<String> {
        use Column::{Hybrid, Jwt, Session};
        Some(match row {
            Row::Storage => format!(
                "Each login is stored on the server in every mode ({} / {} / {}); the client stores {}, {} or {}.",
                self.number("kept.disk", Session)?,
                self.number("kept.disk", Jwt)?,
                self.number("kept.disk", Hybrid)?,
                self.number("client.bytes", Session)?,
                self.number("client.bytes", Jwt)?,
                self.number("client.bytes", Hybrid)?
            ),
            Row::Scalability => format!(
                "A check costs {} (session), {} (JWT) and {} (hybrid) of the processor time of no check, and reads the store \
                 {}, {} and {} times.",
                self.number("check.cpu", Session)?,
                self.number("check.cpu", Jwt)?,
                self.number("check.cpu", Hybrid)?,
                self.number("store.reads.check", Session)?,
                self.number("store.reads.check", Jwt)?,
                self.number("store.reads.check", Hybrid)?
            ),
            Row::Security => format!(
                "A copy is good for at most {}, {} or {} if its owner does nothing; after a logout or a change of the password the \
                 issuer answers it with {}, and with {} after both have used one refresh token.",
                self.number("stolen.unnoticed", Session)?,
                self.number("stolen.unnoticed", Jwt)?,
                self.number("stolen.unnoticed", Hybrid)?,
                self.number("stolen.logout", Jwt)?,
                self.number("stolen.both", Hybrid)?
            ),
            Row::Revocation => format!(
                "After a logout a JWT is refused after {} at the issuer, and after {} at a service that follows the feed (medians); a \
                 service with the public keys only accepts it for up to {}, or {} in the hybrid.",
                self.number("logout.issuer", Jwt)?,
                self.number("logout.follower", Jwt)?,
                self.number("logout.keys_only", Jwt)?,
                self.number("logout.keys_only", Hybrid)?
            ),
            Row::PayloadSize => format!(
                "Each request carries {} for a session and {} for a JWT.",
                self.number("wire.request", Session)?,
                self.number("wire.request", Jwt)?
            ),
            Row::CrossDomain => format!(
                "A service on another origin can check a session by itself: {}; a JWT: {}.",
                self.value("crossing", Session)?,
                self.value("crossing", Jwt)?
            ),
            Row::State => format!(
                "Without the issuer a session gets {}; a JWT gets {} at once, then {} at a service that follows the feed and {} at \
                 one with the public keys only.",
                self.value("down.issuer", Session)?,
                self.value("down.issuer", Jwt)?,
                self.value("down.issuer.after_lease", Jwt)?,
                self.value("down.issuer.keys_only", Jwt)?
            ),
        })
    }

    /// What figures that an older report does not have, or that need the program, add to the sentence.
    fn more(&self, row: Row) -> Option<String> {
        use Column::{Hybrid, Jwt, Session};
        Some(match row {
            Row::Storage => format!(
                " In the memory of the server a login takes {} / {} / {}.",
                self.number("kept.memory", Session)?,
                self.number("kept.memory", Jwt)?,
                self.number("kept.memory", Hybrid)?
            ),
            Row::State => format!(
                " While the store fails, checks get {} / {} / {} and a login {}.",
                self.value("down.store.check", Session)?,
                self.value("down.store.check", Jwt)?,
                self.value("down.store.check", Hybrid)?,
                self.value("down.store.login", Session)?
            ),
            Row::Scalability | Row::Security | Row::Revocation | Row::PayloadSize | Row::CrossDomain => {
                return None;
            }
        })
    }

    fn figure(&self, id: &str) -> Option<&Figure> {
        self.0.iter().find(|figure| figure.id == id)
    }

    /// The number in a column, with its unit.
    fn number(&self, id: &str, column: Column) -> Option<String> {
        let figure = self.figure(id)?;
        Some(quantity(figure.unit, figure.values.get(&column)?.as_number()?))
    }

    /// The value in a column.
    fn value(&self, id: &str, column: Column) -> Option<String> {
        Some(value(self.figure(id)?, column)).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::cell::Cell;
    use crate::report::model::{Better, Unit};

    #[test]
    fn a_row_is_answered_only_if_its_figures_were_measured() {
        let figure = Figure::new("wire.request", Unit::Bytes, Better::Lower, "")
            .with(Column::Session, Cell::count(70))
            .with(Column::Jwt, Cell::count(705));
        let rows = answer(&[figure], &BTreeSet::from(["wire.request"]));

        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.row, row.figures.as_slice()), (Row::PayloadSize, &["wire.request".to_owned()][..]));
        assert_eq!(row.says, "Each request carries 70 bytes for a session and 705 bytes for a JWT.");
    }
}
