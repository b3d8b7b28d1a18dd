"""Reads the metrics in both formats with the parsers of `prometheus_client`.

Checks each histogram, and that both formats contain the same series. Prints the number of families by type.
"""

import json
import math
import sys
from collections import Counter, defaultdict
from pathlib import Path

from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser


def check_histogram(family):
    """Checks the buckets, the sum and the count of each set of labels."""
    groups = defaultdict(lambda: {"buckets": {}})
    for sample in family.samples:
        labels = dict(sample.labels)
        bound = labels.pop("le", None)
        group = groups[tuple(sorted(labels.items()))]
        if sample.name == family.name + "_bucket":
            assert bound not in group["buckets"], f"{sample} is present twice"
            group["buckets"][bound] = sample.value
        else:
            group[sample.name.removeprefix(family.name)] = sample.value
    assert groups, f"{family.name} has no samples"
    for labels, group in groups.items():
        where = f"{family.name}{dict(labels)}: {group}"
        buckets = sorted((float(bound), value) for bound, value in group["buckets"].items())
        counts = [count for _, count in buckets]
        assert "+Inf" in group["buckets"] and buckets[-1][0] == math.inf, f"no +Inf bucket: {where}"
        assert len(buckets) >= 10, f"few buckets: {where}"
        assert counts == sorted(counts), f"the buckets are not cumulative: {where}"
        assert group["_count"] == counts[-1], f"the count is not that of +Inf: {where}"
        assert group["_sum"] >= 0 and (group["_sum"] > 0) == (counts[-1] > 0), f"wrong sum: {where}"


def series(families):
    """Name and labels of each sample."""
    return {(sample.name, tuple(sorted(sample.labels.items()))) for family in families for sample in family.samples}


def main():
    open_metrics, text = (Path(file).read_text(encoding="utf-8") for file in sys.argv[1:])
    both = [
        list(openmetrics_parser.text_string_to_metric_families(open_metrics)),
        list(text_parser.text_string_to_metric_families(text)),
    ]
    for families in both:
        for family in families:
            assert family.documentation and family.samples, f"{family.name} has no help or no samples"
            assert family.type in ("counter", "gauge", "histogram"), f"{family.name} is a {family.type}"
            if family.type == "histogram":
                check_histogram(family)
    types = [{family.name: family.type for family in families} for families in both]
    assert types[0] == types[1], f"the formats differ: {set(types[0].items()) ^ set(types[1].items())}"
    differences = series(both[0]) ^ series(both[1])
    assert not differences, f"only in one format: {differences}"
    print(json.dumps(Counter(types[0].values())))


main()
