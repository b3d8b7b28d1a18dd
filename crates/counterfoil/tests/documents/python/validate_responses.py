"""Validates recorded responses against the OpenAPI document, with `jsonschema` and parsers of header fields.

Arguments: the document, and the exchanges as an array of JSON objects. Prints path, method and status of each
documented response that was validated.
"""

import copy
import json
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from urllib3.util import Retry

# RFC 9457, appendix A, without the titles.
PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "default": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 100, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
    },
}


def close(schema):
    """Refuses members that the schema does not name, unless it names none."""
    if "oneOf" in schema:
        return {**schema, "oneOf": [close(alternative) for alternative in schema["oneOf"]]}
    if schema.get("type") == "array":
        return {**schema, "items": close(schema["items"])}
    if "$ref" in schema or "properties" in schema or "allOf" in schema:
        return {"unevaluatedProperties": False, **schema}
    return schema


def close_members(schema):
    """Closes the schemas of all members, at any depth."""
    for part in schema.get("allOf", []):
        close_members(part)
    members = schema.get("properties", {})
    for name, member in members.items():
        close_members(member)
        members[name] = close(member)


def closed(document):
    """The document with closed schemas. Schemas of free objects have a type and no members; they stay open."""
    document = copy.deepcopy(document)
    for schema in document["components"]["schemas"].values():
        close_members(schema)
    return document


def template_of(document, path):
    """The documented path that matches, with `{id}` or another name in braces for a segment that is not empty."""
    parts = path.partition("?")[0].split("/")
    for template in document["paths"]:
        places = template.split("/")
        if len(parts) == len(places) and all(
            part == place or (place.startswith("{") and part) for part, place in zip(parts, places)
        ):
            return template
    return None


def check_headers(path, status, headers):
    """Reads the headers that go with a status."""
    fields = dict(headers)
    if status == 401:
        scheme, _, parameters = fields["www-authenticate"].partition(" ")
        assert scheme == "Bearer" or scheme == "Basic" and path.startswith("/oauth/"), fields
        parsed = urllib.request.parse_keqv_list(urllib.request.parse_http_list(parameters))
        assert set(parsed) <= {"error", "error_description", "scope", "realm"}, parsed
        assert "error" not in parsed or parsed["error"] in ("invalid_token", "insufficient_scope"), parsed
    if status in (429, 503):
        assert Retry().parse_retry_after(fields["retry-after"]) >= 1, fields
    if "content-length" in fields:
        assert fields["content-length"].isdigit()


def check_problem(problem, status, headers):
    """Checks the members of a problem document by RFC 9457."""
    Draft202012Validator(PROBLEM).validate(problem)
    assert problem["status"] == status, problem
    url = urlsplit(problem["type"])
    assert url.scheme in ("http", "https") and url.netloc and "/problems/" in url.path, problem
    assert problem["code"] == url.path.rpartition("/")[2].replace("-", "_"), problem
    assert problem["request_id"] == dict(headers)["x-request-id"], problem


def main():
    document, exchanges = (json.loads(Path(file).read_text(encoding="utf-8")) for file in sys.argv[1:])
    resource = Resource(contents=closed(document), specification=DRAFT202012)
    registry = Registry().with_resource("urn:openapi", resource)
    validated, codes = set(), set()
    for exchange in exchanges:
        template, sent, status = template_of(document, exchange["path"]), exchange["method"].lower(), exchange["status"]
        # The response to HEAD is that to GET without its body.
        method = "get" if sent == "head" else sent
        responses = document["paths"].get(template, {}).get(method, {}).get("responses", {})
        if str(status) not in responses:
            continue
        where = f"{method} {template} {status}: {exchange}"
        headers, body = exchange["headers"], exchange["body"]
        check_headers(exchange["path"], status, headers)
        content = responses[str(status)].get("content", {})
        content_type = dict(headers).get("content-type")
        media_type = content_type and content_type.partition(";")[0]
        if content:
            assert media_type in content, f"content type {content_type}, not {list(content)}: {where}"
            validated.add((template, method, str(status)))
            if sent == "head":
                assert body == "", where
                continue
            value = body if media_type.startswith("text/") or media_type.endswith("+jwt") else json.loads(body)
            schema = close(content[media_type]["schema"])
            schema = json.loads(json.dumps(schema).replace('"#/', '"urn:openapi#/'))
            errors = list(Draft202012Validator(schema, registry=registry).iter_errors(value))
            assert not errors, f"{[error.message for error in errors]}: {where}"
            if content_type == "application/problem+json":
                check_problem(value, status, headers)
                codes.add(value["code"])
        else:
            assert body == "" and content_type is None, f"undocumented content: {where}"
        validated.add((template, method, str(status)))
    assert len(codes) >= 15, f"few problems: {sorted(codes)}"
    print(json.dumps(sorted(validated)))


main()
