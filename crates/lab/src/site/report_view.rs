//! What a page shows of a report.

use counterfoil_pages::Moment;
use counterfoil_pages::view::Mode;
use counterfoil_pages::view::lab::{
    FigureRow, LifePlot, LifeRow, QuantileRow, RangeAxis, RangePlot, RangeRow, ReportAnswer, ReportView,
};

use crate::report::cell::Cell;
use crate::report::cell_text::quantity;
use crate::report::model::{Column, Figure, Profile, Report, Source, Unit};
use crate::report::rows;

/// The figures of checks, with their names in the picture.
const CHECKS: [(&str, &str); 3] =
    [("check.rate", "Rate"), ("check.cpu", "Processor"), ("check.first_sight", "First sight")];

/// The figures of logouts, with the places that refuse.
const LOGOUTS: [(&str, &str); 4] = [
    ("logout.issuer", "issuer"),
    ("logout.follower", "follows the feed"),
    ("logout.cut", "cut off"),
    ("logout.keys_only", "keys only"),
];

/// The figures of response times.
const TIMES: [(&str, &str); 2] = [("check.latency", "Check"), ("login.latency", "Login")];

/// The columns of the page. It has no Express application.
const COLUMNS: [Column; 4] = [Column::Bare, Column::Session, Column::Jwt, Column::Hybrid];

/// The page of the report of a measurement.
pub(super) fn report_view(number: u64, report: &Report) -> ReportView {
    ReportView {
        number,
        made: Moment::from_unix_seconds(u64::try_from(report.made_at).unwrap_or_default()),
        profile: profile(report.tool.profile).to_owned(),
        duration: quantity(Unit::S, report.seconds),
        warning: rows::disturbance(report),
        answers: rows::answers(report).into_iter().map(answer).collect(),
        checks: RangePlot::new(RangeAxis::Ratio, &checks(report)),
        revocation: LifePlot::new(&logouts(report)),
        times: RangePlot::new(RangeAxis::Time, &times(report)),
        quantiles: quantiles(report),
        figures: rows::figures(report).into_iter().map(figure).collect(),
        conditions: rows::conditions(report),
    }
}

const fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Quick => "quick",
        Profile::Usual => "usual",
        Profile::Thorough => "thorough",
    }
}

fn answer(answer: rows::Answer) -> ReportAnswer {
    let rows::Answer { feature, usual, values, says } = answer;
    ReportAnswer { feature: feature.to_owned(), usual, values, says }
}

fn figure([id, bare, session, jwt, hybrid, _, meaning]: [String; 7]) -> FigureRow {
    FigureRow { id, values: [bare, session, jwt, hybrid], meaning }
}

/// The ratios of each mode to the bare handler, with their intervals.
fn checks(report: &Report) -> Vec<RangeRow> {
    let row = |name: &str, column, figure: &Figure, cell: &Cell| {
        let value = cell.as_number()?;
        let (low, high) = (cell.low.unwrap_or(value), cell.high.unwrap_or(value));
        let text = quantity(figure.unit, value);
        Some(RangeRow { label: label(name, column), mode: mode(column), low, value, high, text })
    };
    let cells = cells(report, &CHECKS).filter(|(_, column, ..)| *column != Column::Bare);
    cells.filter_map(|(name, column, figure, cell)| row(name, column, figure, cell)).collect()
}

/// How long each credential is accepted at each place after a logout.
fn logouts(report: &Report) -> Vec<LifeRow> {
    let row = |place: &str, column, figure: &Figure, cell: &Cell| {
        let after_ms = milliseconds(figure.unit, cell.as_number()?);
        let label = format!("{} · {place}", name(column));
        let is_advanced = figure.how != Source::Measured;
        Some(LifeRow { mode: mode(column)?, label, after_ms, is_accepted: false, is_advanced })
    };
    cells(report, &LOGOUTS)
        .filter_map(|(place, column, figure, cell)| row(place, column, figure, cell))
        .collect()
}

/// The response times, each from its median to its 99.9th percentile.
fn times(report: &Report) -> Vec<RangeRow> {
    let row = |name: &str, column, figure: &Figure, cell: &Cell| {
        let time = |value: f64| milliseconds(figure.unit, value);
        let (p50, p999) = (cell.p50?, cell.p999?);
        let (value, high, text) = (time(p50), time(p999), quantity(figure.unit, p50));
        Some(RangeRow { label: label(name, column), mode: mode(column), low: value, value, high, text })
    };
    cells(report, &TIMES).filter_map(|(name, column, figure, cell)| row(name, column, figure, cell)).collect()
}

fn quantiles(report: &Report) -> Vec<QuantileRow> {
    let row = |name: &str, column, figure: &Figure, cell: &Cell| {
        let values = [cell.p50?, cell.p99?, cell.p999?].map(|value| quantity(figure.unit, value));
        Some(QuantileRow { label: label(name, column), values })
    };
    cells(report, &TIMES).filter_map(|(name, column, figure, cell)| row(name, column, figure, cell)).collect()
}

/// The cells of these figures, each with the name of its figure and its column.
fn cells<'a>(
    report: &'a Report,
    figures: &'a [(&str, &str)],
) -> impl Iterator<Item = (&'a str, Column, &'a Figure, &'a Cell)> {
    let known = figures.iter().filter_map(|(id, name)| Some((*name, report.figure(id)?)));
    known.flat_map(|(name, figure)| {
        let cell = move |column: Column| Some((name, column, figure, figure.values.get(&column)?));
        COLUMNS.into_iter().filter_map(cell)
    })
}

fn milliseconds(unit: Unit, value: f64) -> f64 {
    match unit {
        Unit::Us => value / 1e3,
        Unit::S => value * 1e3,
        Unit::Ms | Unit::Ratio | Unit::Bytes | Unit::PerS | Unit::Count | Unit::Status | Unit::YesNo => value,
    }
}

fn label(figure: &str, column: Column) -> String {
    format!("{figure} · {}", name(column))
}

const fn name(column: Column) -> &'static str {
    match column {
        Column::Bare => "Bare",
        Column::Session => "Session",
        Column::Jwt => "JWT",
        Column::Hybrid => "Hybrid",
        Column::Guide => "Express",
    }
}

const fn mode(column: Column) -> Option<Mode> {
    match column {
        Column::Session => Some(Mode::Session),
        Column::Jwt => Some(Mode::Jwt),
        Column::Hybrid => Some(Mode::Hybrid),
        Column::Bare | Column::Guide => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::read::read;

    /// The report that the README shows.
    fn stored() -> Report {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compare/report.json");
        read(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn the_page_has_every_picture_of_a_whole_report() {
        let view = report_view(3, &stored());

        assert_eq!((view.number, view.profile.as_str(), view.answers.len()), (3, "quick", 7));
        let labels: Vec<String> = view.checks.unwrap().wide.rows.into_iter().map(|row| row.label).collect();
        assert_eq!(labels.len(), 9);
        assert_eq!(labels[0], "Rate · Session");
        let life = view.revocation.unwrap().wide.rows;
        assert_eq!(life.len(), 9, "a session is no credential at three of the places");
        let keys_only = life.last().unwrap();
        assert_eq!((keys_only.label.as_str(), keys_only.value.as_str()), ("Hybrid · keys only", "16 min"));
        assert!(keys_only.is_advanced && !life[0].is_advanced);
        assert_eq!(view.times.unwrap().wide.rows.len(), 7);
        assert_eq!(view.quantiles.len(), 7);
        assert_eq!(view.quantiles[0].label, "Check · Bare");
        assert_eq!(view.warning, None);
    }

    #[test]
    fn the_page_of_a_part_has_no_empty_pictures_and_a_busy_machine_is_named() {
        let mut report = stored();
        report.figures.retain(|figure| figure.id == "crossing");
        report.table.clear();
        report.method.too_busy = true;

        let view = report_view(1, &report);

        assert!(view.checks.is_none() && view.revocation.is_none() && view.times.is_none());
        assert!(view.answers.is_empty() && view.quantiles.is_empty() && view.figures.len() == 1);
        assert!(view.warning.unwrap().starts_with("0 of 5 rounds were disturbed"));
    }
}
