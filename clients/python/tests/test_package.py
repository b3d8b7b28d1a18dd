"""The package as users get it: built, and installed from its wheel."""

import importlib.metadata
import re
import unittest

import counterfoil


class Package(unittest.TestCase):
    def test_the_wheel_has_the_modules_their_types_and_the_licence_and_nothing_else(self):
        files = [str(file) for file in importlib.metadata.files("counterfoil") if "__pycache__" not in str(file)]
        self.assertIn("site-packages", counterfoil.__file__)
        self.assertIn("counterfoil/py.typed", files)
        self.assertTrue(any(file.endswith("licenses/LICENSE-MIT") for file in files), files)
        for file in files:
            self.assertRegex(file, r"^counterfoil(/[a-z_]+\.(py|typed)|-[0-9.]+\.dist-info/[A-Za-z_/-]+(\.json|\.txt)?)$")

    def test_the_only_dependency_is_pyjwt(self):
        names = {re.match(r"[A-Za-z]+", name).group() for name in importlib.metadata.requires("counterfoil")}
        self.assertEqual(names, {"PyJWT"})
