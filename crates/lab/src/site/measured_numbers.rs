//! What was measured on this machine for the modes that are recommended.

use counterfoil::operator::advice::Recommendation;
use counterfoil_pages::Moment;
use counterfoil_pages::view::Mode;
use counterfoil_pages::view::lab::{MeasuredNumbers, MeasuredRow};

use crate::report::model::Report;
use crate::report::rows;

/// The modes in the order of the values of a report.
const MODES: [(Mode, &str); 3] = [(Mode::Session, "session"), (Mode::Jwt, "jwt"), (Mode::Hybrid, "hybrid")];

/// The rows of the usual comparison, for the recommended modes. `None` if nothing is recommended or the report has no row.
pub(super) fn measured_numbers(
    number: u64,
    report: &Report,
    recommended: &[Recommendation],
) -> Option<MeasuredNumbers> {
    let is_recommended = |name: &str| recommended.iter().any(|one| one.mode == name);
    let chosen: Vec<usize> = (0..MODES.len()).filter(|at| is_recommended(MODES[*at].1)).collect();
    let row = |answer: rows::Answer| MeasuredRow {
        feature: answer.feature.to_owned(),
        values: chosen.iter().map(|at| answer.values[*at].clone()).collect(),
    };
    let rows: Vec<MeasuredRow> = rows::answers(report).into_iter().map(row).collect();
    (!chosen.is_empty() && !rows.is_empty()).then(|| MeasuredNumbers {
        number,
        made: Moment::from_unix_seconds(u64::try_from(report.made_at).unwrap_or_default()),
        modes: chosen.iter().map(|at| MODES[*at].0).collect(),
        rows,
    })
}

#[cfg(test)]
mod tests {
    use counterfoil::operator::advice::{Answers, ClientKind, for_clients};

    use super::*;
    use crate::report::read::read;

    fn report() -> Report {
        read(include_str!("../../../../docs/compare/report.json")).unwrap()
    }

    #[test]
    fn the_numbers_are_those_of_the_recommended_modes() {
        let numbers = |clients: &[ClientKind]| {
            measured_numbers(7, &report(), &for_clients(&Answers::new("https://a.example", clients)))
        };

        let both = numbers(&[ClientKind::Pages, ClientKind::Mobile]).unwrap();
        assert_eq!((both.number, both.modes), (7, vec![Mode::Session, Mode::Hybrid]));
        let [session, jwt, hybrid] =
            rows::answers(&report()).into_iter().find(|row| row.feature == "payload size").unwrap().values;
        let bytes = both.rows.iter().find(|row| row.feature == "payload size").unwrap();
        assert_eq!(bytes.values, [session.clone(), hybrid]);
        assert_ne!(session, jwt, "the modes are told apart");
        assert_eq!(numbers(&[ClientKind::Mobile]).unwrap().modes, [Mode::Hybrid]);
        assert_eq!(numbers(&[]), None);
    }
}
