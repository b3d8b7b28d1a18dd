//! The settings, as `docs/configuration.md` lists them, and the environment variables of the project.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::names::text::files;

/// What stands for any setting in `docs/configuration.md`.
const EXAMPLES: [&str; 2] = ["COUNTERFOIL_KEY", "COUNTERFOIL_TABLE_KEY"];

/// Each setting and each variable.
pub(super) struct Settings {
    keys: BTreeSet<String>,
    variables: BTreeSet<String>,
}

impl Settings {
    pub(super) fn read(root: &Path) -> Self {
        let table = fs::read_to_string(root.join("docs/configuration.md")).unwrap();
        let rows = table.lines().filter(|line| line.starts_with("| `") && line.contains("`COUNTERFOIL_"));
        let keys = rows.filter_map(|row| row.split('`').nth(1)).map(str::to_owned).collect();
        let sources = ["crates", "xtask", "fault-injection", "benches"].map(|folder| root.join(folder));
        let sources = sources.iter().flat_map(|folder| files(folder, "rs"));
        let mut variables: BTreeSet<String> =
            table.split('`').filter(|text| is_variable(text)).map(str::to_owned).collect();
        for source in sources {
            let text = fs::read_to_string(source).unwrap();
            variables.extend(text.split('"').filter(|text| is_variable(text)).map(str::to_owned));
        }
        Self { keys, variables }
    }

    /// The variables in `text` that nothing reads.
    pub(super) fn missing_variables(&self, text: &str) -> Vec<String> {
        let is_end =
            |letter: char| !(letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
        let found = text
            .match_indices("COUNTERFOIL_")
            .map(|(at, _)| text[at..].split(is_end).next().unwrap_or_default());
        let found = found.map(|name| name.trim_end_matches('_')).filter(|name| is_variable(name));
        let unknown = found.filter(|name| !self.variables.contains(*name) && !EXAMPLES.contains(name));
        unknown.map(|name| format!("no variable {name}")).collect()
    }

    /// A span like `refresh.reuse_grace` or `registration = "closed"`.
    pub(super) fn missing_in_span(&self, span: &str) -> Vec<String> {
        let (key, is_assigned) = match span.split_once(" = ") {
            Some((key, _)) => (key, true),
            None => (span, false),
        };
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let is_key = match key.split_once('.') {
            // `feed.rs` is a file.
            Some((table, name)) => self.has_table(table) && is_name(name) && name != "rs",
            None => is_assigned && is_name(key),
        };
        let is_known =
            self.keys.contains(key) || self.keys.iter().any(|known| known.ends_with(&format!(".{key}")));
        if is_key && !is_known && !FOREIGN_KEYS.contains(&key) {
            vec![format!("no setting {key}")]
        } else {
            vec![]
        }
    }

    /// A line of a TOML file: a table or a key.
    pub(super) fn missing_in_toml(&self, line: &str) -> Vec<String> {
        let line = line.trim();
        if let Some(table) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let is_known = self.has_table(table) || FOREIGN_TABLES.contains(&table);
            return if is_known { vec![] } else { vec![format!("no table [{table}]")] };
        }
        self.missing_in_span(line)
    }

    fn has_table(&self, table: &str) -> bool {
        self.keys.iter().any(|key| key.split_once('.').is_some_and(|(found, _)| found == table))
    }
}

/// Keys of files that are not the configuration of the server: `Cargo.toml`, the answers to `init`, a figure of `compare`,
/// and the configuration of PgBouncer.
const FOREIGN_KEYS: [&str; 7] =
    ["features", "clients", "domains", "logout", "verifiers", "refresh.rate", "pool_mode"];

/// Tables of files that are not the configuration of the server.
const FOREIGN_TABLES: [&str; 2] = ["dependencies", "dev-dependencies"];

fn is_variable(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    text.strip_prefix("COUNTERFOIL_").is_some_and(|rest| !rest.is_empty()) && text.bytes().all(is_letter)
}
