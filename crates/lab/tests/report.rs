//! A run that measures everything for a moment, and its report in every form.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod schema;

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use counterfoil_lab::{
    Cell, CellValue, Column, FigureId, LabError, Plan, Profile, Progress, Report, Row, html, read, rows, run,
    svg,
};
use serde_json::Value;

use crate::schema::violations;

/// Everything that needs no other process, each for a moment.
fn tiny() -> Plan {
    Plan::for_profile(Profile::Quick).with(|plan| {
        plan.rounds = 3;
        plan.latency_rounds = 1;
        plan.row = Duration::from_millis(15);
        plan.warm_up = Duration::from_millis(10);
        plan.login = Duration::from_millis(40);
        plan.credentials = 100;
        plan.connections = 4;
        plan.logouts = 2;
        plan.repetitions = 1;
        plan.kept = 100;
        plan.resamples = 500;
    })
}

/// The number in a column of a figure.
fn number(report: &Report, figure: &str, column: Column) -> f64 {
    let figure = report.figure(figure).unwrap_or_else(|| panic!("{figure} was not measured"));
    figure.values.get(&column).and_then(Cell::as_number).unwrap_or_else(|| panic!("{figure:?}"))
}

fn value(report: &Report, figure: &str, column: Column) -> CellValue {
    report.figure(figure).unwrap().values[&column].value.clone()
}

#[test]
fn a_run_answers_every_row_in_every_form() {
    let report = run(&tiny(), &()).unwrap();

    // They need the program.
    let of_program = [FigureId::Restart, FigureId::KeptMemory];
    for id in FigureId::ALL.into_iter().filter(|id| !of_program.contains(id)) {
        assert!(report.figures.iter().any(|figure| id.includes(&figure.id)), "{id} is missing");
    }
    let rows_answered: Vec<Row> = report.table.iter().map(|row| row.row).collect();
    let all = [
        Row::Storage,
        Row::Scalability,
        Row::Security,
        Row::Revocation,
        Row::PayloadSize,
        Row::CrossDomain,
        Row::State,
    ];
    assert_eq!(rows_answered, all);
    for id in report.table.iter().flat_map(|row| &row.figures) {
        assert!(report.figure(id).is_some(), "{id}");
    }
    assert_eq!((report.method.rounds, report.method.connections, report.method.seed), (3, 4, 1));
    bytes_are_exact(&report);
    statuses_are_those_of_the_protocol(&report);
    json_is_valid_and_read_again(&report);
    pages_are_whole(&report);
}

fn bytes_are_exact(report: &Report) {
    // `cookie: counterfoil-session=` and the line end are 30 bytes, `authorization: Bearer ` and the line end 24.
    for (column, header) in [(Column::Session, 30.0), (Column::Jwt, 24.0)] {
        let token = number(report, "client.bytes", column);
        assert_eq!(number(report, "wire.request", column), token + header, "{column:?}");
    }
    let whole =
        |column| number(report, "wire.request.whole", column) - number(report, "wire.request", column);
    assert_eq!(whole(Column::Session), whole(Column::Jwt), "only the credential differs");
    assert_eq!(number(report, "store.commits.check", Column::Session), 0.0);
    assert!(number(report, "store.commits.login", Column::Jwt) >= 1.0);
}

fn statuses_are_those_of_the_protocol(report: &Report) {
    for (figure, column, status) in [
        ("stolen.logout", Column::Session, 401.0),
        ("stolen.logout", Column::Jwt, 401.0),
        ("stolen.password_change", Column::Hybrid, 401.0),
        ("stolen.both", Column::Hybrid, 401.0),
        ("down.issuer", Column::Jwt, 200.0),
        ("down.issuer.after_lease", Column::Jwt, 503.0),
        ("down.issuer.keys_only", Column::Hybrid, 200.0),
        ("down.store.check", Column::Session, 200.0),
        ("down.store.check", Column::Jwt, 200.0),
        ("down.store.login", Column::Jwt, 503.0),
        ("down.store.refresh", Column::Hybrid, 503.0),
        ("down.store.logout", Column::Session, 503.0),
        ("logout.keys_only", Column::Jwt, 3_660.0),
        ("logout.keys_only", Column::Hybrid, 960.0),
    ] {
        assert_eq!(number(report, figure, column), status, "{figure} {column:?}");
    }
    assert_eq!(value(report, "down.issuer", Column::Session), CellValue::Text("no answer".to_owned()));
    for (column, crosses) in [(Column::Session, false), (Column::Jwt, true), (Column::Hybrid, true)] {
        assert_eq!(value(report, "crossing", column), CellValue::YesNo(crosses));
        assert_eq!(value(report, "script", column), CellValue::YesNo(crosses));
    }
    let state = report.table.iter().find(|row| row.row == Row::State).unwrap();
    assert!(
        state.says.ends_with("While the store fails, checks get 200 / 200 / 200 and a login 503."),
        "{state:?}"
    );
    let issuer = &report.figure("logout.issuer").unwrap().values;
    assert!(issuer.values().all(|cell| cell.accepted_after == Some(0)), "{issuer:?}");
}

fn json_is_valid_and_read_again(report: &Report) {
    let text = serde_json::to_string(report).unwrap();
    let schema: Value = serde_json::from_str(counterfoil_lab::SCHEMA).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();

    assert_eq!(violations(&schema, &json), Vec::<String>::new());
    assert_eq!(&read(&text).unwrap(), report);

    let mut broken = json.clone();
    broken["figures"][0]["unit"] = "furlongs".into();
    broken["machine"].as_object_mut().unwrap().remove("cpu");
    assert_eq!(violations(&schema, &broken).len(), 2, "the schema finds what is wrong");
    assert!(read(&broken.to_string()).is_err());
}

fn pages_are_whole(report: &Report) {
    let page = html::page(report).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert_eq!(page.matches("<script").count(), 1, "only the report itself, which is no script");
    assert!(page.contains("<script type=\"application/json\""));
    for refused in [" style=", "href=", "src=", " on", "cfs_", "cfr_", "eyJ"] {
        let text =
            if refused == " on" { page.matches(" onclick").count() } else { page.matches(refused).count() };
        assert_eq!(text, 0, "{refused}");
    }
    for answer in rows::answers(report) {
        assert!(page.contains(&answer.feature.to_owned()) && !answer.says.is_empty());
    }
    let names: Vec<&str> = svg::drawings(report).iter().map(|drawing| drawing.name).collect();
    assert_eq!(names, ["checks", "response-times", "revocation", "bytes"]);
    for drawing in svg::drawings(report) {
        assert!(drawing.svg.starts_with("<svg ") && !drawing.svg.contains("NaN"), "{}", drawing.svg);
    }
}

#[test]
fn only_what_was_asked_for_is_measured() {
    let plan = tiny().with(|plan| plan.only = vec![FigureId::Wire, FigureId::Crossing]);
    let report = run(&plan, &()).unwrap();

    let ids: Vec<&str> = report.figures.iter().map(|figure| figure.id.as_str()).collect();
    assert_eq!(
        ids,
        ["wire.request", "wire.request.whole", "wire.login", "wire.refresh", "wire.logout", "crossing"]
    );
    let rows_answered: Vec<Row> = report.table.iter().map(|row| row.row).collect();
    assert_eq!(rows_answered, [Row::PayloadSize, Row::CrossDomain]);
    assert!(!report.method.too_busy && report.method.rounds == 0);
}

/// Ends the run at the first report of a part.
struct EndsAt(&'static str, Mutex<Vec<String>>);

impl Progress for EndsAt {
    fn report(&self, label: &str, _done: usize, _of: usize) -> ControlFlow<()> {
        self.1.lock().unwrap().push(label.to_owned());
        if label == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn a_run_can_be_ended() {
    let progress = EndsAt("rounds", Mutex::default());
    let plan = tiny().with(|plan| plan.only = vec![FigureId::CheckRate]);

    assert!(matches!(run(&plan, &progress), Err(LabError::Cancelled)));
    let labels = progress.1.into_inner().unwrap();
    assert_eq!(labels.last().map(String::as_str), Some("rounds"), "{labels:?}");
}

#[test]
fn foreign_text_is_refused_and_cannot_become_markup() {
    assert!(read("{}").is_err() && read("[").is_err());

    let plan = tiny().with(|plan| plan.only = vec![FigureId::ClientBytes]);
    let mut report = run(&plan, &()).unwrap();
    report.machine.cpu = "</script><script>alert(1)</script>".to_owned();
    report.figures[0].note = "<img src=x>".to_owned();
    let page = html::page(&report).unwrap();

    assert!(!page.contains("<script>") && !page.contains("<img"));
}
