//! The alert rules in `dist`: promtool runs a case in which each of them fires, with series that a server exposes.

use std::fs;
use std::process::Command;

use counterfoil_test_support::python_reader;
use tempfile::TempDir;

use crate::metrics::Exposition;
use crate::programs::{output, promtool, repository_file};

const RULES: &str = "dist/counterfoil.rules.yml";

/// The cases. They name the rules by a relative path.
const CASES: &str = "crates/counterfoil/tests/documents/alerts.test.yml";

#[tokio::test]
async fn promtool_accepts_the_alert_rules() {
    let arguments = [repository_file(RULES).display().to_string()];
    let Some(check) = promtool(&[&["check".to_owned(), "rules".into()][..], &arguments].concat()) else {
        return;
    };

    let report = output(check).await;

    assert!(report.contains("SUCCESS"), "{report}");
}

#[tokio::test]
async fn each_alert_fires_and_is_silent_in_its_cases() {
    let cases = repository_file(CASES).display().to_string();
    let Some(test) = promtool(&["test", "rules", &cases]) else { return };

    assert!(output(test).await.contains("SUCCESS"));
}

#[tokio::test]
async fn alerts_and_their_cases_use_only_series_that_a_server_exposes() {
    let Some(check) = python_reader("check_alerts.py") else { return };
    let exposition = Exposition::read().await;
    let check_of = |rules: &str, cases: &str| {
        let mut command = Command::new(check.get_program());
        command.current_dir(check.get_current_dir().unwrap()).args(check.get_args()).args([rules, cases]);
        command.arg(&exposition.open_metrics).arg(repository_file("docs/operate.md"));
        command
    };
    let (rules, cases) = (repository_file(RULES), repository_file(CASES));
    let checked = output(check_of(rules.to_str().unwrap(), cases.to_str().unwrap())).await;
    assert!(checked.trim().parse::<u32>().unwrap() >= 11, "{checked}");

    // The check itself: a series, a label value and a case that do not exist are found.
    let folder = TempDir::new().unwrap();
    let changed = folder.path().join("changed.yml");
    let text = fs::read_to_string(&rules).unwrap();
    for (right, wrong, error) in [
        ("counterfoil_panics_total", "counterfoil_panic_total", "does not expose counterfoil_panic_total"),
        ("failure|rate_limited", "failed|rate_limited", "has the result 'failed'"),
        ("by (instance, check)", "by (instance, cause)", "aggregates by cause"),
        ("alert: CounterfoilDown", "alert: CounterfoilGone", "there is no alert CounterfoilDown"),
        ("operate.md#500", "operate.md#501", "no section docs/operate.md#501"),
    ] {
        assert!(text.contains(right), "{right}");
        fs::write(&changed, text.replace(right, wrong)).unwrap();
        let output = check_of(changed.to_str().unwrap(), cases.to_str().unwrap()).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && errors.contains(error), "{wrong}: {errors}");
    }
}

#[tokio::test]
async fn promtool_accepts_the_configuration_in_the_operations_guide() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("prometheus.yml");
    let Some(check) = promtool(&["check", "config", file.to_str().unwrap()]) else { return };
    let guide = fs::read_to_string(repository_file("docs/operate.md")).unwrap();
    let (_, rest) = guide.split_once("```yaml\n").unwrap();
    let (configuration, _) = rest.split_once("```").unwrap();
    assert!(configuration.contains("job_name: counterfoil"), "the alerts select this job");
    fs::write(&file, configuration).unwrap();
    fs::copy(repository_file(RULES), folder.path().join("counterfoil.rules.yml")).unwrap();

    let report = output(check).await;

    assert!(report.contains("rules found"), "{report}");
}
