"""Reads a log in JSON. Prints the number of lines by target.

A member that is present twice is an error: collectors of logs keep either of the two, or refuse the line.
"""

import json
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

LEVELS = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"}


def unique(pairs):
    members = dict(pairs)
    assert len(members) == len(pairs), f"repeated members: {pairs}"
    return members


def main():
    targets = Counter()
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        event = json.loads(line, object_pairs_hook=unique)
        assert event["level"] in LEVELS and event["message"], line
        assert datetime.fromisoformat(event["timestamp"]).utcoffset() == timedelta(0), line
        targets[event["target"]] += 1
    print(json.dumps(targets))


main()
