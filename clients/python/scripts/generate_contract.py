"""Writes the literal types of problem codes and audit events from the OpenAPI document of the server.

Without an argument it writes them, with `check` it compares; the binary is in `COUNTERFOIL`."""

import json
import os
import pathlib
import subprocess
import sys

FILE = pathlib.Path(__file__).parents[1] / "src/counterfoil/_contract.py"
document = json.loads(subprocess.check_output([os.environ["COUNTERFOIL"], "openapi"]))


def literal(schema: str, member: str) -> str:
    values = document["components"]["schemas"][schema]["properties"][member]["enum"]
    return "".join(f'    "{value}",\n' for value in values)


text = f'''"""Written by `scripts/generate_contract.py` from the OpenAPI document of the server. Do not edit."""

from typing import Literal

ProblemCode = Literal[
{literal("Problem", "code")}]
"""The `code` of a problem. Later versions of the server can add some."""

AuditEventKind = Literal[
{literal("ActivityEvent", "kind")}]
"""The `kind` of an audit event. Later versions of the server can add some."""
'''

if sys.argv[1:] != ["check"]:
    FILE.write_text(text)
elif FILE.read_text() != text:
    sys.exit(f"error: {FILE} differs from the OpenAPI document\nhint: run scripts/generate_contract.py with the binary in COUNTERFOIL")
