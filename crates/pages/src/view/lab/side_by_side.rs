//! One lab: an act, step by step, in the three modes side by side.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::lab::LifePlot;
use crate::view::{Mode, View};

/// An act that can be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActButton {
    /// Its name, which the form sends.
    pub name: String,
    /// What it does.
    pub label: String,
    /// Whether it is the one that is shown.
    pub is_current: bool,
}

/// How far a button moves the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockButton {
    /// Its name, which the form sends.
    pub name: String,
    /// How far it moves the clock.
    pub label: String,
}

/// A step of the act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepLink {
    /// Its number, from 1.
    pub number: usize,
    /// What happens in it.
    pub title: String,
    /// Whether it is the one that is shown.
    pub is_current: bool,
}

/// A part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether it is a credential.
    pub is_credential: bool,
}

/// A request that the client has sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRequest {
    /// Its parts, in order.
    pub pieces: Vec<Piece>,
    /// Its size in bytes.
    pub bytes: usize,
}

/// Something that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredFact {
    /// What it is.
    pub name: String,
    /// The value.
    pub value: String,
    /// Whether it has changed in the step that is shown.
    pub is_changed: bool,
}

/// What a place has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It accepted the credential.
    Accepted,
    /// It accepted the credential after the event that the act is about.
    StillAccepted,
    /// It refused the credential.
    Refused,
    /// It cannot decide now.
    Unavailable,
    /// It cannot verify a credential of this mode.
    NotPossible,
}

/// The last decision of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedPlace {
    /// The place.
    pub place: String,
    /// What it decided.
    pub verdict: Verdict,
    /// The status and the reason; empty if it cannot verify the credential.
    pub detail: String,
    /// How long it took, or how long after the event it was asked.
    pub time: String,
}

/// One mode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ticket {
    /// The mode.
    pub mode: Mode,
    /// How many bytes the credential adds to a request, once it has one.
    pub added_bytes: Option<usize>,
    /// The last request of its client.
    pub request: Option<ShownRequest>,
    /// The stored session.
    pub stored: Vec<StoredFact>,
    /// The entries of the revocation log.
    pub log: Vec<String>,
    /// What the places have decided.
    pub asked: Vec<AskedPlace>,
}

/// An event of the act, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceLine {
    /// Its number.
    pub number: usize,
    /// When it happened, since the act began.
    pub at: String,
    /// The mode, if it is about one.
    pub mode: Option<Mode>,
    /// What happened.
    pub text: String,
    /// Whether it belongs to the step that is shown.
    pub is_current: bool,
}

/// A lab.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabView {
    /// The id.
    pub id: String,
    /// The time of its clock.
    pub now: Moment,
    /// How far that is ahead of the machine's clock, if it was advanced.
    pub ahead: Option<String>,
    /// How far the clock can be moved; empty if it cannot be moved any more.
    pub clock_moves: Vec<ClockButton>,
    /// The acts.
    pub acts: Vec<ActButton>,
    /// The name of the act that is shown.
    pub act: String,
    /// What it does.
    pub about: String,
    /// Its steps.
    pub steps: Vec<StepLink>,
    /// The number of the step before this one.
    pub previous: Option<usize>,
    /// The number of the next step.
    pub next: Option<usize>,
    /// The modes.
    pub tickets: Vec<Ticket>,
    /// The event from which the times of the picture count.
    pub event: String,
    /// How long each credential is accepted after the event, once it was asked.
    pub plot: Option<LifePlot>,
    /// What has happened up to this step.
    pub lines: Vec<TraceLine>,
    /// Commands that send the requests of the step.
    pub commands: Vec<String>,
    /// When the lab is removed, if it is not used until then.
    pub removed: Moment,
}

impl View for LabView {
    const TEMPLATE: &'static str = "lab/lab.html";
}
