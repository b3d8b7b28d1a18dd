//! The plan of a run: what is measured, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use counterfoil_load::client::closed_loop::CONNECTIONS;

use crate::measure::figure_id::FigureId;
use crate::report::model::Profile;

/// The plan of a run.
///
/// ```
/// use counterfoil_lab::{FigureId, Plan, Profile};
///
/// let plan = Plan::for_profile(Profile::Quick).with(|plan| plan.only = vec![FigureId::Wire]);
/// assert!(plan.wants(FigureId::Wire) && !plan.wants(FigureId::CheckRate));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// Its name in the report.
    pub profile: Profile,
    /// The seed of the orders and of the intervals.
    pub seed: u64,
    /// The number of rounds.
    pub rounds: usize,
    /// The number of rounds of the open loop.
    pub latency_rounds: usize,
    /// How long each row is measured in a round.
    pub row: Duration,
    /// How long the load runs before the first round.
    pub warm_up: Duration,
    /// How long logins are measured in each mode, and refreshes in each round.
    pub login: Duration,
    /// The number of logins in each mode, whose credentials are presented in turn.
    pub credentials: usize,
    /// The number of connections.
    pub connections: usize,
    /// The number of logouts of each mode whose effect is measured.
    pub logouts: usize,
    /// The number of services that are cut off, and of kills.
    pub repetitions: usize,
    /// The number of logins of which the store is measured.
    pub kept: usize,
    /// The number of logins of each mode by which the memory of a server is measured.
    pub kept_in_memory: usize,
    /// The number of processes in each mode whose memory is measured.
    pub memory_processes: usize,
    /// The number of samples of the bootstrap.
    pub resamples: usize,
    /// What is measured; everything, if it is empty.
    pub only: Vec<FigureId>,
    /// The folder of npm packages for an Express application of the usual kind, which is then measured beside the modes. It
    /// needs node, express and jsonwebtoken.
    pub express: Option<PathBuf>,
    /// The program `counterfoil`, for what needs a process. Without it, `restart` and `kept.memory` are not measured.
    pub program: Option<PathBuf>,
}

impl Plan {
    /// The plan of a profile.
    #[must_use]
    pub fn for_profile(profile: Profile) -> Self {
        let usual = Self {
            profile,
            seed: 1,
            rounds: 15,
            latency_rounds: 15,
            row: Duration::from_secs(1),
            warm_up: Duration::from_secs(2),
            login: Duration::from_secs(3),
            credentials: 100_000,
            connections: CONNECTIONS,
            logouts: 1_000,
            repetitions: 5,
            kept: 10_000,
            kept_in_memory: 10_000,
            memory_processes: 3,
            resamples: 10_000,
            only: Vec::new(),
            express: None,
            program: None,
        };
        match profile {
            Profile::Quick => Self {
                rounds: 5,
                latency_rounds: 3,
                row: Duration::from_millis(250),
                warm_up: Duration::from_millis(500),
                login: Duration::from_millis(400),
                credentials: 8_000,
                logouts: 100,
                kept: 1_000,
                kept_in_memory: 4_000,
                memory_processes: 1,
                ..usual
            },
            Profile::Usual => usual,
            Profile::Thorough => Self {
                rounds: 31,
                latency_rounds: 31,
                row: Duration::from_secs(2),
                kept: 50_000,
                kept_in_memory: 50_000,
                ..usual
            },
        }
    }

    /// The same plan after `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Whether it measures `figure`.
    #[must_use]
    pub fn wants(&self, figure: FigureId) -> bool {
        let needs_program = matches!(figure, FigureId::Restart | FigureId::KeptMemory);
        let is_possible = !needs_program || self.program.is_some();
        is_possible && (self.only.is_empty() || self.only.contains(&figure))
    }

    /// Whether it measures one of `figures`.
    pub(crate) fn wants_any(&self, figures: &[FigureId]) -> bool {
        figures.iter().any(|figure| self.wants(*figure))
    }

    /// Whether it has the figure with the name `id`.
    pub(crate) fn wants_named(&self, id: &str) -> bool {
        FigureId::ALL.into_iter().any(|figure| figure.includes(id) && self.wants(figure))
    }

    /// Whether it needs the credentials of many logins.
    pub(crate) fn needs_credentials(&self) -> bool {
        use FigureId::{CheckCpu, CheckFirstSight, CheckLatency, CheckRate, RefreshRate};
        self.wants_any(&[CheckRate, CheckCpu, CheckLatency, CheckFirstSight, RefreshRate])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::row_loads::ALL_ROWS;

    /// With the logins of its credentials and the start of its servers it takes half a minute then.
    #[test]
    fn the_timed_parts_of_a_quick_run_take_less_than_seventeen_and_a_half_seconds() {
        let plan = Plan::for_profile(Profile::Quick);
        // With the two rows of Express.
        let rounds = plan.row * ((ALL_ROWS.len() + 2) * plan.rounds) as u32;
        // Four rows at a constant rate.
        let latency = plan.row * (4 * plan.latency_rounds) as u32;
        // The logins of three modes, and three rounds of refreshes.
        let logins = plan.login * 3 + plan.login * 3;

        let timed = plan.warm_up + rounds + latency + logins;
        assert!(timed < Duration::from_millis(17_500), "{timed:?}");
        assert!(plan.credentials <= 8_000);
    }
}
