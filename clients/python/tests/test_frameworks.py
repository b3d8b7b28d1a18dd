"""FastAPI, Flask and Django with a real issuer: what each kind of request gets, and that a logout ends it everywhere."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Annotated

import django
from django import conf
from fastapi import Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient
from flask import Flask

import counterfoil.flask
from counterfoil import Auth, Verifier
from counterfoil.asgi import AuthMiddleware, Guard
from fake_issuer import until
from server import Server

ORIGIN = "https://shop.example"


def on_fastapi(verifier):
    app = FastAPI()
    app.add_middleware(AuthMiddleware, verifier=verifier)

    @app.api_route("/orders", methods=["GET", "POST"])
    def orders(auth: Annotated[Auth, Depends(Guard())]):
        return {"of": auth.username}

    @app.get("/admin")
    async def admin(auth: Annotated[Auth, Depends(Guard(role="admin"))]):
        return {}

    @app.get("/scope")
    async def scope(auth: Annotated[Auth, Depends(Guard(scope="orders:read"))]):
        return {}

    @app.websocket("/ws")
    async def ws(socket: WebSocket, auth: Annotated[Auth, Depends(Guard())]):
        await socket.accept()
        await socket.send_json(auth.username)

    client = TestClient(app, raise_server_exceptions=False)
    return client, lambda method, path, headers: _httpx(client.request(method, path, headers=headers))


def _httpx(response):
    return response.status_code, response.headers, response.content


def on_flask(verifier):
    app = Flask("orders")
    counterfoil.flask.init_app(app, verifier)

    @app.route("/orders", methods=["GET", "POST"])
    @counterfoil.flask.guard()
    def orders():
        return {"of": counterfoil.flask.current_auth().username}

    @app.get("/admin")
    @counterfoil.flask.guard(role="admin")
    def admin():
        return {}

    @app.get("/scope")
    @counterfoil.flask.guard(scope="orders:read")
    def scope():
        return {}

    def call(method, path, headers):
        response = app.test_client(use_cookies=False).open(path, method=method, headers=headers)
        return response.status_code, response.headers, response.data

    return None, call


def on_django(verifier):
    conf.settings.COUNTERFOIL_VERIFIER = verifier
    from django.http import JsonResponse
    from django.test import Client
    from django.urls import path

    from counterfoil.django import guard

    @guard()
    def orders(request):
        return JsonResponse({"of": request.counterfoil.username})

    @guard(role="admin")
    async def admin(request):
        return JsonResponse({})

    @guard(scope="orders:read")
    def scope(request):
        return JsonResponse({})

    sys.modules["urls_of_test"] = type(sys)("urls_of_test")
    sys.modules["urls_of_test"].urlpatterns = [path("orders", orders), path("admin", admin), path("scope", scope)]

    def call(method, path, headers):
        response = Client(raise_request_exception=False).generic(method, path, headers=headers)
        return response.status_code, response.headers, response.content

    return None, call


class Frameworks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        conf.settings.configure(
            ROOT_URLCONF="urls_of_test", ALLOWED_HOSTS=["*"], MIDDLEWARE=["counterfoil.django.AuthMiddleware"], SECRET_KEY="tests"
        )
        django.setup()
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.server.register("ada")
        cls.verifier = Verifier(
            issuer=cls.server.url, audience=cls.server.url, algorithms=["ES256"], origins=[ORIGIN],
            verifier_key=cls.server.command("verifier", "add", "tests"),
        )
        cls.addClassCleanup(cls.verifier.close)
        assert cls.verifier.wait_until_ready(20)

    def each(self, verifier=None):
        return [build(verifier or self.verifier)[1] for build in (on_fastapi, on_flask, on_django)]

    def test_each_kind_of_credential_is_accepted_until_its_logout(self):
        for call in self.each():
            for mode in ("session", "jwt", "hybrid"):
                login = self.server.login("ada", mode=mode)
                token = login.get("session_token") or login["access_token"]
                headers = {"authorization": f"Bearer {token}"}
                status, answer, body = call("GET", "/orders", headers)
                self.assertEqual((status, json.loads(body)), (200, {"of": "ada"}), mode)
                self.assertIn("authorization", answer["vary"].lower())
                self.assertEqual(answer["cache-control"], "private")
                self.assertEqual(call("GET", "/admin", headers)[0], 403)
                status, answer, body = call("GET", "/scope", headers)
                self.assertEqual((status, json.loads(body)["code"]), (403, "insufficient_scope"))
                self.assertIn('scope="orders:read"', answer["www-authenticate"])
                self.assertEqual(self.server.call("POST", "/v1/logout", token=token)[0], 204)
                until(lambda: call("GET", "/orders", headers)[0] == 401, "the logout is in force", 2)
                if mode == "hybrid":
                    self.assertEqual(call("GET", "/orders", {"authorization": f"Bearer {login['refresh_token']}"})[0], 401)

    def test_what_is_no_credential_or_two_or_from_another_site_is_refused(self):
        token, other = (self.server.login("ada")["session_token"] for _ in range(2))
        cookie = {"cookie": f"counterfoil-session={token}"}
        for call in self.each():
            for headers, wanted in (
                ({}, 401), ({"authorization": "Basic YTpi"}, 401), ({"authorization": "Bearer"}, 401), ({"authorization": "Bearer x"}, 401),
                (cookie, 200), ({"cookie": "counterfoil-session=cfs_x"}, 401),
                ({"cookie": f"a=b; counterfoil-session={token}; counterfoil-access=x"}, 400), ({**cookie, "authorization": f"Bearer {other}"}, 400),
                ({**cookie, "upgrade": "websocket"}, 403), ({**cookie, "accept": "text/event-stream"}, 403), ({"remote-user": "admin"}, 401),
            ):
                status, answer, body = call("GET", "/orders", headers)
                self.assertEqual(status, wanted, str(headers)[:60])
                if status != 200:
                    self.assertEqual(answer["content-type"], "application/problem+json")
                    self.assertEqual(json.loads(body)["status"], status)
            for headers, wanted in (
                (cookie, 403), ({**cookie, "origin": "https://evil.example"}, 403), ({**cookie, "sec-fetch-site": "same-site"}, 403),
                ({**cookie, "origin": ORIGIN}, 200), ({**cookie, "sec-fetch-site": "same-origin"}, 200), ({"authorization": f"Bearer {token}"}, 200),
            ):
                self.assertEqual(call("POST", "/orders", headers)[0], wanted, str(headers)[-40:])

    def test_a_password_change_and_a_token_for_another_audience_are_noticed(self):
        self.server.register("bob")
        login = self.server.login("bob", mode="jwt")
        token = login["access_token"]
        other = self.server.login("ada", mode="jwt", audience="https://other.example")["access_token"]
        change = {"current_password": "seven lamps for the lighthouse", "new_password": "eight lamps for the lighthouse"}
        for call in self.each():
            self.assertEqual(call("GET", "/orders", {"authorization": f"Bearer {token}"})[0], 200)
            self.assertEqual(call("GET", "/orders", {"authorization": f"Bearer {other}"})[0], 401)
        status, answer = self.server.call("POST", "/v1/password", change, token)
        self.assertIn(status, (200, 204), answer)
        for call in self.each():
            until(lambda: call("GET", "/orders", {"authorization": f"Bearer {token}"})[0] == 401, "the old token is revoked", 2)

    def test_a_websocket_needs_a_credential(self):
        client, _ = on_fastapi(self.verifier)
        token = self.server.login("ada")["session_token"]
        with client.websocket_connect("/ws", headers={"authorization": f"Bearer {token}"}) as socket:
            self.assertEqual(socket.receive_json(), "ada")
        for headers in ({}, {"authorization": "Bearer x"}, {"cookie": f"counterfoil-session={token}", "origin": "https://evil.example"}):
            with self.assertRaises(Exception), client.websocket_connect("/ws", headers=headers) as socket:
                socket.receive_json()

    def test_a_route_without_the_middleware_is_closed(self):
        app = FastAPI()

        @app.get("/")
        def index(auth: Annotated[Auth, Depends(Guard())]):
            return {}

        self.assertEqual(TestClient(app, raise_server_exceptions=False).get("/").status_code, 500)

    def test_an_outage_of_the_issuer_is_503_when_the_lease_is_over(self):
        server = Server()
        self.addCleanup(server.close)
        server.register("ada")
        verifier = Verifier(
            issuer=server.url, audience=server.url, algorithms=["ES256"], verifier_key=server.command("verifier", "add", "tests")
        )
        self.addCleanup(verifier.close)
        token, session = server.login("ada", mode="jwt")["access_token"], server.login("ada")["session_token"]
        for each in (token, session):
            verifier.verify(each)
        server.stop()
        for call in self.each(verifier):
            for each in (token, session):
                headers = {"authorization": f"Bearer {each}"}
                until(lambda: call("GET", "/orders", headers)[0] == 503, "the lease is over", 10)
                self.assertEqual(call("GET", "/orders", headers)[1]["retry-after"], "1")
        server.start()
        until(lambda: call("GET", "/orders", headers)[0] == 200, "the verifier is fresh again", 20)

    def test_the_program_of_the_readme_answers_a_protected_route(self):
        readme = (Path(__file__).parents[1] / "README.md").read_text()
        program, names = readme.split("```python\n")[1].split("```")[0], {}
        os.environ.update(ISSUER=self.server.url, VERIFIER_KEY=self.server.command("verifier", "add", "readme"))
        exec(program, names)
        self.addCleanup(names["verifier"].close)
        client = TestClient(names["app"])
        self.assertEqual(client.get("/orders").status_code, 401)
        for mode in ("session", "jwt"):
            login = self.server.login("ada", mode=mode)
            token = login.get("session_token") or login["access_token"]
            answer = client.get("/orders", headers={"authorization": f"Bearer {token}"})
            self.assertEqual((answer.status_code, answer.json()), (200, {"of": "ada"}))

    def test_the_literal_types_agree_with_the_openapi_document_of_the_server(self):
        script = Path(__file__).parents[1] / "scripts/generate_contract.py"
        subprocess.run([sys.executable, script, "check"], check=True, env=os.environ)
