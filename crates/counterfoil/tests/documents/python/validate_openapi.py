"""Validates OpenAPI documents with `openapi-spec-validator`. Prints the number of operations of each."""

import json
import sys
from collections import Counter
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator


def main():
    counts = []
    for file in sys.argv[1:]:
        document = json.loads(Path(file).read_text(encoding="utf-8"))
        errors = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
        assert not errors, f"{file}: {errors}"
        operations = [operation for item in document["paths"].values() for operation in item.values()]
        repeated = [name for name, count in Counter(item["operationId"] for item in operations).items() if count > 1]
        assert not repeated, f"{file}: repeated operation ids {repeated}"
        counts.append(len(operations))
    print(json.dumps(counts))


main()
