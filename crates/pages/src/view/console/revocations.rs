//! The revocation log, and the revocations that are on their way to the verifiers.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::View;
use crate::view::console::Pager;

/// An entry of the revocation log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevocationRow {
    /// Its position.
    pub position: u64,
    /// What is revoked, as `session:ID`.
    pub subject: String,
    /// The path of the page about it, if there is one.
    pub link: Option<String>,
    /// When the last token that it revokes has expired; `None` for a key.
    pub until: Option<Moment>,
}

/// A revocation that waits until no verifier accepts its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitRow {
    /// Its position.
    pub position: u64,
    /// What is revoked.
    pub subject: String,
    /// How many verifiers have confirmed it.
    pub confirmed: u64,
    /// Of how many others the lease has run out: they refuse every credential.
    pub expired: u64,
    /// How many are awaited.
    pub waiting: u64,
    /// When the last lease runs out, in milliseconds from now.
    pub over_in_ms: u64,
    /// The share of those that have confirmed, in percent.
    pub confirmed_share: u64,
    /// The share of those whose lease has run out, in percent.
    pub expired_share: u64,
}

/// The newest revocations, and those that are on their way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevocationsPart {
    /// Those that wait for the verifiers.
    pub waits: Vec<WaitRow>,
    /// The newest entries of the log, the newest first.
    pub revocations: Vec<RevocationRow>,
}

impl View for RevocationsPart {
    const TEMPLATE: &'static str = "console/live/revocations.html";
}

/// The revocation log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevocationsView {
    /// The newest entries. `None` on the pages of older ones.
    pub newest: Option<RevocationsPart>,
    /// The entries of such a page.
    pub older: Vec<RevocationRow>,
    /// The page of older entries.
    pub pages: Pager,
    /// The subject in the form.
    pub subject: String,
    /// Why the form was refused.
    pub error: Option<String>,
}

impl View for RevocationsView {
    const TEMPLATE: &'static str = "console/revocations.html";
}
