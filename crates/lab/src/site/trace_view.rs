//! What the pages show of a trace: one step of an act in the three modes side by side.

use std::time::Duration;

use counterfoil_pages::Moment;
use counterfoil_pages::view::Mode;
use counterfoil_pages::view::lab::{
    ActButton, AskedPlace, ClockButton, LabView, LifePlot, LifeRow, ShownRequest, StepLink, StoredFact,
    Ticket, TraceLine, Verdict as ShownVerdict, duration_text,
};
use serde_json::Value;

use crate::scenario::act::Act;
use crate::scenario::clock_move::ClockMove;
use crate::scenario::trace::{Frame, FrameKind, Kept, Place, Trace, TraceMode, Verdict};
use crate::site::lab::Shown;
use crate::site::request_text::{command, credential_header_size, pieces};

/// The modes in the order in which they are shown.
const MODES: [TraceMode; 3] = [TraceMode::Session, TraceMode::Jwt, TraceMode::Hybrid];

/// The places that decide, in the order in which they are shown.
const PLACES: [Place; 5] = [Place::Issuer, Place::A, Place::B, Place::KeysOnly, Place::Guide];

/// The page of a lab at a step; the last one without it.
pub(super) fn lab_view(id: &str, shown: &Shown, step: Option<usize>) -> LabView {
    let (act, trace) = (shown.act, &shown.trace);
    let last = trace.steps.len();
    let step = step.unwrap_or(last).clamp(1, last.max(1));
    let button = |it: Act| ActButton {
        name: it.as_str().to_owned(),
        label: it.label().to_owned(),
        is_current: it == act,
    };
    let link = |(title, number): (&&str, usize)| StepLink {
        number,
        title: (*title).to_owned(),
        is_current: number == step,
    };
    let moment = |time: counterfoil_jose::Time| Moment::from_unix_seconds(time.unix_seconds());
    LabView {
        id: id.to_owned(),
        now: moment(shown.now),
        ahead: (shown.ahead > Duration::ZERO).then(|| duration_text(shown.ahead.as_secs_f64() * 1000.0)),
        clock_moves: clock_moves(shown),
        acts: Act::ALL.map(button).into(),
        act: act.as_str().to_owned(),
        about: act.description().to_owned(),
        steps: trace.steps.iter().zip(1..).map(link).collect(),
        previous: (step > 1).then(|| step - 1),
        next: (step < last).then(|| step + 1),
        tickets: MODES.map(|mode| ticket(trace, mode, step)).into(),
        event: act.event().to_owned(),
        plot: life_plot(trace, step),
        lines: trace.frames.iter().filter(|frame| frame.step <= step).map(|it| line(it, step)).collect(),
        commands: commands(trace, step),
        removed: moment(shown.removed_at),
    }
}

/// How far the clock can be moved, if it can.
fn clock_moves(shown: &Shown) -> Vec<ClockButton> {
    let button = |by: ClockMove| ClockButton { name: by.as_str().to_owned(), label: by.label().to_owned() };
    if shown.clock_moves_left > 0 { ClockMove::ALL.map(button).into() } else { Vec::new() }
}

/// Everything that happened in an act.
pub(super) fn all_lines(trace: &Trace) -> Vec<TraceLine> {
    trace.frames.iter().map(|frame| line(frame, 0)).collect()
}

/// The event from which the times of an act count.
pub(super) fn event_of(trace: &Trace) -> &'static str {
    trace.act.parse::<Act>().map_or("", Act::event)
}

/// How long each credential was accepted at each place after the event, as far as it was asked up to a step.
pub(super) fn life_plot(trace: &Trace, step: usize) -> Option<LifePlot> {
    let mut rows = Vec::new();
    for mode in MODES {
        for place in PLACES {
            let frames = frames(trace, mode, step).filter(|frame| frame.from == place);
            let asked = frames.filter_map(|frame| {
                let verdict = frame.verdict.as_ref()?;
                Some((frame, verdict.accepted, verdict.after_ms?))
            });
            let asked: Vec<_> = asked.collect();
            let refused = asked.iter().find(|(_, accepted, _)| !accepted);
            let Some((frame, is_accepted, after_ms)) = refused.or(asked.last()).copied() else { continue };
            let label = format!("{} · {}", capitalized(mode.label()), place.label());
            // More than the real time since the act began.
            let is_advanced = after_ms > frame.at_ms;
            rows.push(LifeRow { mode: shown_mode(mode), label, after_ms, is_accepted, is_advanced });
        }
    }
    LifePlot::new(&rows)
}

/// The frames of a mode up to a step, in the order of the steps.
fn frames(trace: &Trace, mode: TraceMode, step: usize) -> impl Iterator<Item = &Frame> {
    let is_wanted = |frame: &&Frame| frame.step <= step && frame.mode == Some(mode);
    let mut frames: Vec<&Frame> = trace.frames.iter().filter(is_wanted).collect();
    frames.sort_by_key(|frame| (frame.step, frame.n));
    frames.into_iter()
}

fn ticket(trace: &Trace, mode: TraceMode, step: usize) -> Ticket {
    let frames: Vec<&Frame> = frames(trace, mode, step).collect();
    let is_request = |frame: &&&Frame| matches!(frame.kind, FrameKind::Request | FrameKind::Verdict);
    let mut requests = frames.iter().rev().filter(is_request).filter_map(|frame| frame.wire.as_ref());
    let last = requests.clone().next();
    let kept = frames.iter().rev().find_map(|frame| frame.kept.as_ref());
    let is_log = |frame: &&&Frame| frame.kind == FrameKind::Log;
    Ticket {
        mode: shown_mode(mode),
        added_bytes: requests.find_map(credential_header_size),
        request: last.map(|wire| ShownRequest { pieces: pieces(wire), bytes: wire.bytes }),
        stored: kept.map(facts).unwrap_or_default(),
        log: frames.iter().filter(is_log).map(|frame| frame.text.clone()).collect(),
        asked: PLACES.into_iter().filter_map(|place| asked(trace, &frames, mode, (place, step))).collect(),
    }
}

/// The last decision of a place. One that was asked with the other modes cannot verify a session token.
fn asked(
    trace: &Trace,
    frames: &[&Frame],
    mode: TraceMode,
    (place, step): (Place, usize),
) -> Option<AskedPlace> {
    let is_decision = |frame: &&Frame| frame.from == place && frame.verdict.is_some();
    let decided = frames.iter().copied().rev().find(is_decision);
    let verdict = decided.and_then(|frame| frame.verdict.as_ref());
    if let Some(verdict) = verdict {
        let is_end_expected = !trace.act.parse::<Act>().is_ok_and(Act::counts_from_login);
        return Some(decision(place, verdict, is_end_expected));
    }
    let is_asked = trace.frames.iter().filter(|frame| frame.step <= step).any(|frame| is_decision(&frame));
    (is_asked && mode == TraceMode::Session && place != Place::Issuer).then(|| AskedPlace {
        place: capitalized(place.label()),
        verdict: ShownVerdict::NotPossible,
        detail: String::new(),
        time: String::new(),
    })
}

fn decision(place: Place, verdict: &Verdict, is_end_expected: bool) -> AskedPlace {
    let took = verdict.took_ns as f64 / 1e6;
    let time = match verdict.after_ms {
        Some(after) => format!("after {}", duration_text(after)),
        None => duration_text(took),
    };
    AskedPlace {
        place: capitalized(place.label()),
        verdict: match (verdict.status, verdict.after_ms) {
            (200, Some(_)) if is_end_expected => ShownVerdict::StillAccepted,
            (200, _) => ShownVerdict::Accepted,
            (503, _) => ShownVerdict::Unavailable,
            _ => ShownVerdict::Refused,
        },
        detail: format!("{} {}", verdict.status, verdict.reason.as_deref().unwrap_or_default())
            .trim_end()
            .to_owned(),
        time,
    }
}

/// The members of a stored session in words. What has changed is marked.
fn facts(kept: &Kept) -> Vec<StoredFact> {
    const MEMBERS: [(&str, &str); 8] = [
        ("session", "/id"),
        ("credential", "/credential/kind"),
        ("token hash", "/credential/hash"),
        ("rotation", "/credential/counter"),
        ("idle timeout", "/idle"),
        ("ends", "/expires_at"),
        ("ended", "/ended"),
        ("revision", "/revision"),
    ];
    let fact = |(name, pointer): (&str, &str)| {
        let after = kept.after.pointer(pointer).filter(|value| !value.is_null())?;
        let value = match (name, after) {
            ("idle timeout", Value::Number(seconds)) => {
                duration_text(seconds.as_f64().unwrap_or_default() * 1000.0)
            }
            ("ends", Value::Number(seconds)) => moment(seconds.as_u64()),
            ("ended", ended) => {
                let reason = ended["reason"].as_str().unwrap_or_default();
                format!("{reason}, {}", moment(ended["at"].as_u64()))
            }
            (_, Value::String(text)) => text.clone(),
            (_, other) => other.to_string(),
        };
        let is_changed = !kept.before.is_null() && kept.before.pointer(pointer) != Some(after);
        Some(StoredFact { name: name.to_owned(), value, is_changed })
    };
    MEMBERS.into_iter().filter_map(fact).collect()
}

fn moment(seconds: Option<u64>) -> String {
    Moment::from_unix_seconds(seconds.unwrap_or_default()).text
}

fn line(frame: &Frame, step: usize) -> TraceLine {
    let who = if frame.from == frame.to { String::new() } else { format!("{} ", frame.from.label()) };
    let size = match frame.kind {
        FrameKind::Request | FrameKind::Answer => {
            frame.wire.as_ref().map(|wire| format!(" ({} bytes)", wire.bytes))
        }
        FrameKind::Store | FrameKind::Log | FrameKind::Verdict | FrameKind::Note => None,
    };
    TraceLine {
        number: frame.n,
        at: format!("{:.1} ms", frame.at_ms),
        mode: frame.mode.map(shown_mode),
        text: capitalized(&format!("{who}{}{}", frame.text, size.unwrap_or_default())),
        is_current: frame.step == step,
    }
}

/// Each request of a step once, in the order in which they were sent.
fn commands(trace: &Trace, step: usize) -> Vec<String> {
    let is_request = |frame: &&Frame| matches!(frame.kind, FrameKind::Request | FrameKind::Verdict);
    let of_step = trace.frames.iter().filter(|frame| frame.step == step);
    let mut commands: Vec<String> = Vec::new();
    for wire in of_step.filter(is_request).filter_map(|frame| frame.wire.as_ref()) {
        let command = command(wire);
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    commands
}

const fn shown_mode(mode: TraceMode) -> Mode {
    match mode {
        TraceMode::Session => Mode::Session,
        TraceMode::Jwt => Mode::Jwt,
        TraceMode::Hybrid => Mode::Hybrid,
    }
}

/// The text with a capital letter at its beginning.
pub(super) fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
