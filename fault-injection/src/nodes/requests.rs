//! The requests of a history that failed, with the moment at which they were sent.

use std::time::Duration;

use crate::history::{Entry, History, Outcome};

/// The requests of a workload behind a load balancer.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// How many were sent.
    pub sent: usize,
    /// When those were sent that have no answer, or one with a 5xx.
    pub failed_at: Vec<Duration>,
}

impl Requests {
    /// Those of a history.
    pub fn of(history: &History) -> Self {
        let entries = history.entries();
        let failed = entries.iter().filter(|entry| has_failed(entry));
        Self { sent: entries.len(), failed_at: failed.map(|entry| entry.started_at).collect() }
    }

    /// The failed requests that were sent more than `slack` after the last of `faults` before them.
    pub fn failed_without(&self, faults: &[Duration], slack: Duration) -> usize {
        let is_caused = |sent_at: &Duration| {
            faults.iter().any(|fault| *sent_at <= *fault + slack && *fault <= *sent_at + LONGEST_REQUEST)
        };
        self.failed_at.iter().filter(|sent_at| !is_caused(sent_at)).count()
    }

    /// The failed requests, in per cent of all.
    pub fn failed_percent(&self) -> f64 {
        100.0 * self.failed_at.len() as f64 / self.sent.max(1) as f64
    }
}

/// A request that was sent longer before a fault had ended when the fault came.
const LONGEST_REQUEST: Duration = Duration::from_secs(2);

fn has_failed(entry: &Entry) -> bool {
    match &entry.completed {
        None | Some((_, Outcome::Unknown | Outcome::Rejected(0))) => true,
        Some((_, Outcome::Acknowledged(_) | Outcome::Rejected(_))) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_request_needs_a_fault_while_it_was_in_progress() {
        let ms = Duration::from_millis;
        let requests = Requests { sent: 400, failed_at: vec![ms(4_990), ms(5_050), ms(5_200), ms(1_000)] };

        assert_eq!(requests.failed_without(&[ms(5_000)], ms(100)), 2);
        assert!((requests.failed_percent() - 1.0).abs() < 1e-9);
    }
}
