"""Checks that the alert rules and their test cases refer to series that a server exposes.

Arguments: the rules, the cases for `promtool test rules`, OpenMetrics text of a server, and the operations guide.
promtool itself shows that each alert fires: a rule without series never does, and promtool has no word about it.
"""

import re
import sys
from pathlib import Path

import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

# Prometheus adds these to every series, and makes the series `up`.
TARGET_LABELS = {"instance", "job"}
TARGET_SERIES = {"up": [{}]}

MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
SELECTOR = re.compile(r"\b(up|(?:counterfoil|process)_\w+)\b(?:\{([^}]*)\})?")


def exposed_series(text):
    """The label sets of each name."""
    series = dict(TARGET_SERIES)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            series.setdefault(sample.name, []).append(sample.labels)
    return series


def check_selector(alert, name, matchers, series):
    """Checks that each label of a selector exists, and that each alternative of a pattern matches a value."""
    assert name in series, f"{alert}: the server does not expose {name}"
    for label, operator, value in MATCHER.findall(matchers):
        if label in TARGET_LABELS:
            continue
        values = {labels[label] for labels in series[name] if label in labels}
        assert values, f"{alert}: {name} has no label {label}"
        for alternative in value.split("|") if "~" in operator else [re.escape(value)]:
            matching = [value for value in values if re.fullmatch(alternative, value)]
            assert matching, f"{alert}: no {name} has the {label} {alternative!r}, but {sorted(values)}"


def check_rule(rule, series):
    """Checks the selectors of a rule and the labels by which it aggregates."""
    alert, expression = rule["alert"], rule["expr"]
    selectors = SELECTOR.findall(expression)
    assert selectors, f"{alert} selects no series"
    for name, matchers in selectors:
        check_selector(alert, name, matchers, series)
    labels = {label for name, _ in selectors for labels in series[name] for label in labels} | TARGET_LABELS
    for group in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
        for label in re.split(r"\s*,\s*", group.strip()):
            assert label in labels, f"{alert} aggregates by {label}, which no series has"


def check_case_series(case, series):
    """Checks that a server exposes each input series of a case, with exactly these labels. Returns the names."""
    names = set()
    for entry in case["input_series"]:
        name, _, rest = entry["series"].partition("{")
        labels = {label: value for label, _, value in MATCHER.findall(rest)}
        assert TARGET_LABELS <= labels.keys(), f"{entry['series']} has no instance or no job"
        labels = {label: value for label, value in labels.items() if label not in TARGET_LABELS}
        assert labels in series.get(name, []), f"the server does not expose {name}{labels}"
        names.add(name)
    return names


def check_cases(rules, cases, series):
    """Checks that each alert fires in one case, and is silent in another one with all of its series."""
    fires, silent = set(), set()
    for case in cases:
        names = check_case_series(case, series)
        for test in case["alert_rule_test"]:
            alert = test["alertname"]
            assert alert in rules, f"there is no alert {alert}"
            missing = {name for name, _ in SELECTOR.findall(rules[alert]["expr"])} - names
            assert not missing, f"a case of {alert} has no series {missing}"
            (fires if test.get("exp_alerts") else silent).add(alert)
    for alert in rules:
        assert alert in fires, f"no case shows that {alert} fires"
        assert alert in silent, f"no case shows that {alert} is silent"


def anchors(document):
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def main():
    rules_file, cases_file, exposition, guide = (Path(file).read_text(encoding="utf-8") for file in sys.argv[1:])
    groups = yaml.safe_load(rules_file)["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    series = exposed_series(exposition)
    for alert, rule in rules.items():
        check_rule(rule, series)
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operate.md" and anchor in anchors(guide), f"{alert}: no section {page}#{anchor}"
    check_cases(rules, yaml.safe_load(cases_file)["tests"], series)
    print(len(rules))


main()
