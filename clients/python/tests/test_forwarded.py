"""Applications behind a real nginx with the shipped configuration: they believe the signed assertion, and nothing else."""

import json
import os
import threading
import unittest
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient
from flask import Flask, request
from werkzeug.serving import make_server

import counterfoil.flask
from counterfoil import Auth, Problem, Verifier
from counterfoil.asgi import AuthMiddleware, Guard
from fake_issuer import until
from nginx import HOST, PROGRAM, Nginx
from server import Server, free_port
from skip import skip_unless

FORGED = {"Remote-User": "root", "Remote-Groups": "admin", "Remote-Subject": "x"}
UNSIGNED = "eyJhbGciOiJub25lIn0.e30."


def on_flask(forwarded):
    app = Flask("orders")
    counterfoil.flask.init_app(app, forwarded)

    @app.get("/orders")
    @counterfoil.flask.guard()
    def orders():
        auth = counterfoil.flask.current_auth()
        headers = request.headers
        return {"of": auth.username, "kind": auth.kind, "assertion": headers["Remote-Assertion"], "cookie": headers.get("Cookie", "")}

    @app.get("/admin")
    @counterfoil.flask.guard(role="admin")
    def admin():
        return {}

    return app


def on_fastapi(forwarded):
    app = FastAPI()
    app.add_middleware(AuthMiddleware, verifier=forwarded)

    @app.get("/orders")
    async def orders(request: Request, auth: Annotated[Auth, Depends(Guard())]):
        return {"of": auth.username}

    return TestClient(app)


class Forwarded(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        skip_unless(os.path.exists(PROGRAM), "clients/python/forwarded", "nginx is not installed")
        port = free_port()
        cls.origin = f"https://{HOST}:{port}"
        cls.server = Server(COUNTERFOIL_ISSUER=cls.origin, COUNTERFOIL_FORWARD_AUTH_ASSERTION="true")
        cls.addClassCleanup(cls.server.close)
        cls.server.register("ada")
        cls.verifier = Verifier(
            issuer=cls.origin, upstream=cls.server.url, audience=cls.origin, algorithms=["ES256"],
            verifier_key=cls.server.command("verifier", "add", "tests"),
        )
        cls.addClassCleanup(cls.verifier.close)
        assert cls.verifier.wait_until_ready(20)
        forwarded = cls.verifier.forwarded(cls.origin)
        cls.flask, cls.fastapi = on_flask(forwarded), on_fastapi(forwarded)
        application = make_server("127.0.0.1", 0, cls.flask, threaded=True)
        threading.Thread(target=application.serve_forever, daemon=True).start()
        cls.addClassCleanup(application.shutdown)
        cls.nginx = Nginx(port, cls.server.port, application.server_port)
        cls.addClassCleanup(cls.nginx.close)

    def around(self, headers):
        """The status of a request that has reached the application without the proxy, which is the same for both."""
        answers = {
            self.flask.test_client(use_cookies=False).get("/orders", headers=headers).status_code,
            self.fastapi.get("/orders", headers=headers).status_code,
        }
        self.assertEqual(len(answers), 1)
        return answers.pop()

    def log_in(self, **options):
        login = self.server.login("ada", **options)
        return login.get("session_token") or login["access_token"]

    def test_a_user_who_is_logged_in_at_the_proxy_is_the_user_of_the_application_until_the_logout(self):
        token = self.log_in()
        for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"theme=dark; __Host-session={token}"}):
            status, body = self.nginx.get("/orders", headers)
            self.assertEqual(status, 200, body)
            answer = json.loads(body)
            self.assertEqual((answer["of"], answer["kind"]), ("ada", "forwarded"))
            self.assertNotIn(token, answer["cookie"])
            self.assertEqual(self.nginx.get("/admin", headers)[0], 403)
        assertion = {"Remote-Assertion": answer["assertion"]}
        self.assertEqual(self.around(assertion), 200)
        self.assertEqual(self.server.call("POST", "/v1/logout", token=token)[0], 204)
        self.assertEqual(self.nginx.get("/orders", headers)[0], 401)

        # An assertion that the proxy has passed on before is refused as soon as the feed reports the revocation.
        def is_refused():
            try:
                self.verifier.authenticate_forwarded(assertion.items(), self.origin)
            except Problem as problem:
                return problem.status == 401
            return False

        until(is_refused, "the revocation is in force")
        self.assertEqual(self.around(assertion), 401)

    def test_an_assertion_from_before_a_revocation_is_refused_when_it_is_presented_again(self):
        user = self.server.register("eve")["id"]
        for subject in (f"user:{user}", "client:default", "everyone"):
            headers, before = self.assertion_of("eve")
            self.assertEqual(self.around(before), 200, subject)
            self.server.command("revoke", subject, "--wait", "fleet", "--yes")
            self.assertEqual(self.around(before), 401, subject)
            self.assertEqual(self.nginx.get("/orders", headers)[0], 401, subject)
            # A login in the same second is a later one.
            self.assertEqual(self.around(self.assertion_of("eve")[1]), 200, subject)

    def assertion_of(self, username):
        """The headers of a new login, and those with which the proxy lets it reach the application."""
        headers = {"Authorization": f"Bearer {self.server.login(username)['session_token']}"}
        _, body = self.nginx.get("/orders", headers)
        return headers, {"Remote-Assertion": json.loads(body)["assertion"]}

    def test_headers_of_a_client_decide_nothing_neither_through_the_proxy_nor_around_it(self):
        headers = {"Authorization": f"Bearer {self.log_in()}"}
        for name in ("Remote-Assertion", "Remote_Assertion", "Remote.Assertion"):
            own = {**FORGED, name: UNSIGNED}
            self.assertEqual(self.nginx.get("/orders", own)[0], 401)
            status, body = self.nginx.get("/orders", {**headers, **own})
            self.assertEqual((status, json.loads(body)["of"]), (200, "ada"), name)
            self.assertEqual(self.nginx.get("/admin", {**headers, **own})[0], 403)
        # Without the proxy; and a credential of the issuer is none for an application that believes the proxy.
        for own in (FORGED, {**FORGED, "Remote-Assertion": UNSIGNED}, headers):
            self.assertEqual(self.around(own), 401, str(own)[:40])

    def test_an_assertion_is_for_one_application_and_is_no_access_token(self):
        _, body = self.nginx.get("/orders", {"Authorization": f"Bearer {self.log_in()}"})
        assertion = json.loads(body)["assertion"]
        self.assertEqual(self.around({"Remote-Assertion": assertion}), 200)
        self.assertEqual(self.around({"Remote-Assertion": self.log_in(mode="jwt")}), 401)
        for refused in (
            lambda: self.verifier.authenticate_forwarded([("Remote-Assertion", assertion)], "https://other.example"),
            lambda: self.verifier.verify(assertion),
        ):
            with self.assertRaises(Problem) as caught:
                refused()
            self.assertEqual(caught.exception.status, 401)
