"""Skips tests that need what this machine does not have, in a way that CI can refuse."""

import os
import unittest


def skip_unless(is_there, what, reason):
    """Skips the test, and appends the reason to the file that `COUNTERFOIL_SKIP_LIST` names. With
    `COUNTERFOIL_REQUIRE=all` it fails."""
    if is_there:
        return
    if os.environ.get("COUNTERFOIL_REQUIRE") == "all":
        raise AssertionError(f"COUNTERFOIL_REQUIRE=all, but {what} is skipped: {reason}")
    if path := os.environ.get("COUNTERFOIL_SKIP_LIST"):
        with open(path, "a") as file:
            file.write(f"skipped: {what}: {reason}\n")
    raise unittest.SkipTest(reason)
