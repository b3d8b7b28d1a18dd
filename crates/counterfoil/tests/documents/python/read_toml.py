"""Reads TOML from standard input with `tomllib`. Prints it as JSON."""

import json
import sys
import tomllib

print(json.dumps(tomllib.load(sys.stdin.buffer)))
