"""Calls the route of each application of `docs/resource-server.md`, whose folder is the first argument, with each token
of the others. Prints for each application a list of the status and the body of each answer."""

import json
import sys

folder, *tokens = sys.argv[1:]
sys.path.insert(0, folder)
headers = [{}, {"Authorization": "Basic YTpi"}] + [{"Authorization": f"Bearer {token}"} for token in tokens]


def with_fastapi():
    import on_fastapi
    from fastapi.testclient import TestClient

    client = TestClient(on_fastapi.app)
    return [(answer.status_code, answer.json()) for answer in (client.get("/orders", headers=each) for each in headers)]


def with_flask():
    import on_flask

    client = on_flask.app.test_client()
    return [(answer.status_code, answer.json) for answer in (client.get("/orders", headers=each) for each in headers)]


def with_django():
    import django
    from django.conf import settings
    from django.test import RequestFactory

    settings.configure(DEFAULT_CHARSET="utf-8")
    django.setup()
    import on_django

    answers = [on_django.orders(RequestFactory().get("/orders", headers=each)) for each in headers]
    return [(answer.status_code, json.loads(answer.content)) for answer in answers]


print(json.dumps({"fastapi": with_fastapi(), "flask": with_flask(), "django": with_django()}))
