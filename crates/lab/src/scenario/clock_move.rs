//! The clock of a lab is moved after an act, and every place is asked again: expiry is seen without waiting for it.

use std::str::FromStr;
use std::time::Duration;

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::{HeldLogin, Stage, places};
use crate::scenario::trace::Place;

/// How far the clock is moved at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockMove {
    Minute,
    QuarterHour,
    Hour,
    Day,
}

impl ClockMove {
    /// All of them, the shortest first.
    pub(crate) const ALL: [Self; 4] = [Self::Minute, Self::QuarterHour, Self::Hour, Self::Day];

    /// Its name in a form.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::QuarterHour => "15m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// Its name on a button, and as a step.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Minute => "+ 1 min",
            Self::QuarterHour => "+ 15 min",
            Self::Hour => "+ 1 hour",
            Self::Day => "+ 1 day",
        }
    }

    const fn duration(self) -> Duration {
        match self {
            Self::Minute => Duration::from_secs(60),
            Self::QuarterHour => Duration::from_secs(15 * 60),
            Self::Hour => Duration::from_secs(60 * 60),
            Self::Day => Duration::from_secs(24 * 60 * 60),
        }
    }

    /// All names, separated by commas.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl FromStr for ClockMove {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or(())
    }
}

/// Moves the clock and asks every place about the credential that each client holds. A client of the hybrid whose access token
/// is refused refreshes, as clients do.
///
/// # Errors
///
/// If a place cannot be asked.
pub(crate) fn move_clock(stage: &mut Stage, by: ClockMove) -> Result<(), LabError> {
    stage.count_from_logins();
    stage.new_step(by.label());
    stage.advance(by.duration());
    let mut refused = Vec::new();
    for held in stage.clients() {
        if ask_every_place(stage, &held)? == Some(401) {
            refused.push(held);
        }
    }
    for mut held in refused {
        if !can_refresh(stage, &held) {
            continue;
        }
        stage.new_step("The hybrid refreshes");
        let response = stage.refresh(&mut held, "refreshes, because its access token was refused")?;
        stage.look_at_store(&mut held, "stores what the refresh has changed")?;
        if response.status == 200 {
            ask_every_place(stage, &held)?;
        }
    }
    Ok(())
}

/// Asks every place that runs. Returns the status of the issuer, if it runs.
fn ask_every_place(stage: &mut Stage, held: &HeldLogin) -> Result<Option<u16>, LabError> {
    let mut of_issuer = None;
    for place in places(held.login.mode) {
        if *place != Place::Issuer {
            stage.ask_when_caught_up(held, *place)?;
        } else if stage.sandbox.server().is_ok() {
            of_issuer = Some(stage.ask_when_caught_up(held, *place)?);
        }
    }
    Ok(of_issuer)
}

/// Whether the client has a refresh token of a session that has not been ended.
fn can_refresh(stage: &Stage, held: &HeldLogin) -> bool {
    // A server that was stopped, or whose store fails, refreshes nothing.
    let stored = || stage.sandbox.server().ok()?.session(held.session).ok()?;
    let has_token = held.login.mode == Mode::Hybrid && !held.login.refresh_token.is_empty();
    has_token && stored().is_some_and(|session| session.ended.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::act::Act;
    use crate::scenario::play_and_keep;
    use crate::scenario::trace::{Trace, TraceMode};

    fn statuses(trace: &Trace, mode: TraceMode, step: usize) -> Vec<u16> {
        let frames = trace.frames.iter().filter(|frame| (frame.mode, frame.step) == (Some(mode), step));
        frames.filter_map(|frame| frame.verdict.as_ref()).map(|verdict| verdict.status).collect()
    }

    #[test]
    fn each_mode_expires_when_it_should_and_the_hybrid_refreshes() {
        let mut stage = play_and_keep(Act::Login).unwrap();
        for by in [ClockMove::QuarterHour, ClockMove::Minute, ClockMove::Hour, ClockMove::Day] {
            move_clock(&mut stage, by).unwrap();
        }
        let trace = stage.trace(Act::Login);

        assert_eq!(
            trace.steps,
            [
                "Log in",
                "+ 15 min",
                "The hybrid refreshes",
                "+ 1 min",
                "+ 1 hour",
                "The hybrid refreshes",
                "+ 1 day",
                "The hybrid refreshes"
            ]
        );
        let at = |mode, step| statuses(&trace, mode, step);
        // A, B and keys only have a leeway of a minute; the issuer and the last place have none.
        assert_eq!(at(TraceMode::Hybrid, 2), [401, 200, 200, 200, 401]);
        assert_eq!((at(TraceMode::Hybrid, 3), at(TraceMode::Hybrid, 4)), (vec![200; 5], vec![200; 5]));
        assert_eq!((at(TraceMode::Jwt, 4), at(TraceMode::Jwt, 5)), (vec![200; 5], vec![401; 5]));
        assert_eq!((at(TraceMode::Session, 5), at(TraceMode::Session, 7)), (vec![200], vec![401]));
        assert_eq!((at(TraceMode::Hybrid, 5), at(TraceMode::Hybrid, 6)), (vec![401; 5], vec![200; 5]));
        assert_eq!(at(TraceMode::Hybrid, 8), [200; 5]);
        assert!(trace.clock_offset_ms >= (86_400 + 3_600 + 960) * 1000);
    }

    #[test]
    fn a_client_that_has_logged_out_does_not_refresh() {
        let mut stage = play_and_keep(Act::Logout).unwrap();
        let before = stage.trace(Act::Logout).steps.len();

        move_clock(&mut stage, ClockMove::Hour).unwrap();

        let trace = stage.trace(Act::Logout);
        assert_eq!(trace.steps[before..], ["+ 1 hour"]);
        assert_eq!(statuses(&trace, TraceMode::Hybrid, before + 1), [401; 5]);
    }

    #[test]
    fn what_does_not_run_is_not_waited_for() {
        let mut stage = play_and_keep(Act::IssuerDown).unwrap();
        let step = stage.trace(Act::IssuerDown).steps.len() + 1;

        move_clock(&mut stage, ClockMove::Minute).unwrap();

        let trace = stage.trace(Act::IssuerDown);
        assert!(statuses(&trace, TraceMode::Session, step).is_empty());
        assert_eq!(statuses(&trace, TraceMode::Jwt, step)[0], 503);
    }

    #[test]
    fn a_move_is_found_by_its_name() {
        for by in ClockMove::ALL {
            assert_eq!(by.as_str().parse(), Ok(by));
        }
        assert_eq!("1w".parse::<ClockMove>(), Err(()));
    }
}
