//! An Express application of the usual kind is measured beside the modes.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::path::PathBuf;
use std::time::Duration;

use counterfoil_lab::{Column, FigureId, LabError, Plan, Profile, html, rows, run};
use counterfoil_test_support::interop_folder;

fn plan(packages: PathBuf, only: &[FigureId]) -> Plan {
    Plan::for_profile(Profile::Quick).with(|plan| {
        plan.rounds = 2;
        plan.row = Duration::from_millis(50);
        plan.warm_up = Duration::from_millis(10);
        plan.credentials = 50;
        plan.connections = 4;
        plan.resamples = 100;
        plan.only = only.to_vec();
        plan.express = Some(packages);
    })
}

#[test]
fn it_has_a_column_of_its_own_and_both_forms_of_its_secret_are_told() {
    let Some(folder) = interop_folder("node") else { return };
    let report =
        run(&plan(folder.join("node_modules"), &[FigureId::CheckRate, FigureId::Wire]), &()).unwrap();

    let rate = report.figure("check.rate").unwrap();
    assert!(rate.values[&Column::Guide].as_number().is_some(), "{rate:?}");
    assert!(rate.note.contains("as text, and as a key object"), "{}", rate.note);
    // `authorization: Bearer ` and a JWT signed by HS256.
    let added = report.figure("wire.request").unwrap().values[&Column::Guide].as_number().unwrap();
    assert!((150.0..250.0).contains(&added), "{added}");
    assert!(
        rows::has_express(&report) && html::page(&report).unwrap().contains("<th scope=\"col\">Express</th>")
    );
    assert!(
        !report.figure("wire.login").unwrap().values.contains_key(&Column::Guide),
        "its login stores nothing"
    );
}

#[test]
fn without_its_packages_the_error_says_what_is_missing() {
    let error = run(&plan("/nowhere".into(), &[FigureId::Wire]), &()).unwrap_err();

    assert!(matches!(error, LabError::NoExpress { .. }), "{error:?}");
    assert!(error.to_string().contains("express and jsonwebtoken in /nowhere"), "{error}");
}
