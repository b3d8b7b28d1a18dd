"""Reads a batch of spans with `opentelemetry-proto`. Argument: the body of a request to `/v1/traces`.

Prints for each span: its name, its kind, its trace and parent in hex, and its attributes.
"""

import json
import sys
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def attributes(pairs):
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value"))) for pair in pairs}


def main():
    batch = ExportTraceServiceRequest.FromString(Path(sys.argv[1]).read_bytes())
    spans = []
    for resource_spans in batch.resource_spans:
        resource = attributes(resource_spans.resource.attributes)
        for span in (span for scope in resource_spans.scope_spans for span in scope.spans):
            assert len(span.trace_id) == 16 and len(span.span_id) == 8, span
            assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
            spans.append({
                "service": resource["service.name"],
                "name": span.name,
                "kind": Span.SpanKind.Name(span.kind),
                "trace": span.trace_id.hex(),
                "parent": span.parent_span_id.hex(),
                "attributes": attributes(span.attributes),
            })
    print(json.dumps(spans))


main()
