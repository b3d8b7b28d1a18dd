"""Access tokens that must be refused, and what must be true of those that are accepted."""

import asyncio
import copy
import hmac
import json
import os
import pathlib
import time

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from skip import skip_unless

from counterfoil import Problem, Verifier
from fake_issuer import KEY, FakeIssuer, IssuerTest, JumpingClock, b64, ident, jwk_of, new_key, until


def forged(header, claims, signature="AA"):
    return f"{b64(header)}.{b64(claims)}.{signature}"


class Tokens(IssuerTest):
    def setUp(self):
        super().setUp()
        self.auth = self.verifier()

    def assert_refused(self, token, why=None, verifier=None):
        self.assertEqual(self.status(verifier or self.auth, token), 401, why or token[:80])

    def test_a_valid_token_gives_its_claims_which_cannot_be_changed(self):
        user = self.auth.verify(self.issuer.token())

        self.assertEqual((user.kind, user.subject, user.username), ("access", ident("u"), "ada"))
        self.assertEqual((user.session_id, user.client_id, user.ended), (ident("s"), "default", None))
        self.assertTrue(user.has_role("clerk") and user.has_scope("orders:read") and not user.has_scope("orders"))
        with self.assertRaises(TypeError):
            user.claims["sub"] = "other"
        with self.assertRaises(AttributeError):
            user.claims["roles"].append("admin")

    def test_a_verifier_needs_algorithms_an_audience_and_a_safe_url(self):
        good = {"issuer": "https://auth.example", "audience": "a", "algorithms": ["ES256"]}
        for wrong in (
            {"algorithms": []}, {"algorithms": None}, {"algorithms": ["none"]}, {"algorithms": ["HS256"]}, {"audience": None},
            {"audience": []}, {"issuer": "http://auth.example"}, {"issuer": "file:///etc/keys"}, {"issuer": "data:,x"},
            {"issuer": "https://a.example/"}, {"issuer": "https://u:p@a.example"}, {"issuer": "http://127.0.0.1.evil.example"},
            {"upstream": "http://10.0.0.1"}, {"upstream": "ftp://localhost"}, {"verifier_key": "secret"}, {"stale": "accept"},
            {"origins": ["https://shop.example/"]}, {"origins": ["null"]}, {"cache_size": 0}, {"max_token_lifetime": True},
        ):
            with self.subTest(wrong), self.assertRaises(ValueError):
                Verifier(**{**good, **wrong})

    def test_the_token_never_chooses_the_algorithm(self):
        claims = self.issuer.claims()
        rsa_key, public = new_key("RS256"), self.issuer.key.public_key()
        tokens = [self.issuer.token(key=new_key("ES256")), self.issuer.token(key=rsa_key, algorithm="RS256")]
        for alg in ("none", "None", "NONE", "nOnE", "", "HS256", "HS512", "ES384", "es256", None, 1, ["ES256"]):
            tokens += [forged({"alg": alg, "typ": "at+jwt", "kid": "one"}, claims), forged({"alg": alg, "typ": "at+jwt"}, claims)]
        tokens += [forged({"alg": "none", "typ": "at+jwt"}, claims, ""), forged({"typ": "at+jwt", "kid": "one"}, claims)]
        secrets = [b"", json.dumps(self.issuer.jwks["keys"][0]).encode()]
        secrets += [public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo) for encoding in (Encoding.PEM, Encoding.DER)]
        secrets += [rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1), public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)]
        for secret in secrets:
            for alg, digest in (("HS256", "sha256"), ("HS512", "sha512"), ("ES256", "sha256")):
                unsigned = forged({"alg": alg, "typ": "at+jwt", "kid": "one"}, claims, "")[:-1]
                tokens.append(f"{unsigned}.{b64(hmac.new(secret, unsigned.encode(), digest).digest())}")
        for token in tokens:
            self.assert_refused(token)

    def test_a_key_for_another_algorithm_or_use_or_with_a_secret_verifies_nothing_else(self):
        own, rsa_key = FakeIssuer(), new_key("RS256")
        self.addCleanup(own.close)
        key = own.jwks["keys"][0]
        secret = {"kty": "oct", "k": b64("s" * 32), "kid": "oct", "alg": "HS256"}
        own.jwks["keys"] = [
            {name: value for name, value in key.items() if name != "alg"}, jwk_of(rsa_key, "RS256", kid="rsa"), secret,
            {**key, "kid": "enc", "use": "enc"}, {**key, "kid": "384", "alg": "ES384"}, {**key, "kid": "ops", "key_ops": ["encrypt"]},
            {**key, "kid": "bad", "x": "!!"}, {**key, "kid": 7}, {**key, "kid": ["one"]}, {**key, "kid": "crv", "crv": ["P-256"]}, None, 7, "key", [], {"kty": "EC"},
        ]
        verifier = self.verifier(own, algorithms=["ES256", "RS256", "PS256"])
        self.assertEqual(self.status(verifier, own.token()), 200)
        # An RSA key that could be for two of the allowed algorithms is for none: also not for an empty secret.
        self.assert_refused(own.token(header={"kid": "rsa"}, key=rsa_key, algorithm="RS256"), "rsa", verifier)
        for kid in ("enc", "384", "ops", "bad", "oct", "crv", "__class__"):
            self.assert_refused(own.token(header={"kid": kid}), kid, verifier)
        for kid, shared in (("oct", b"s" * 32), ("rsa", b"")):
            unsigned = forged({"alg": "HS256", "typ": "at+jwt", "kid": kid}, own.claims(), "")[:-1]
            self.assert_refused(f"{unsigned}.{b64(hmac.new(shared, unsigned.encode(), 'sha256').digest())}", kid, verifier)

    def test_the_algorithm_of_the_key_counts_and_not_that_of_the_header(self):
        # An allowed name in the header, and a signature by the real algorithm of a key that is not allowed (CVE-2026-48523).
        own = FakeIssuer("ES384")
        self.addCleanup(own.close)
        own.jwks["keys"].append(self.issuer.jwks["keys"][0] | {"kid": "two"})
        verifier = self.verifier(own)
        for kid in ("one", "two", ...):
            self.assert_refused(own.token(header={"alg": "ES256", "kid": kid}), str(kid), verifier)

    def test_two_keys_with_one_id_are_both_left_out(self):
        own, other = FakeIssuer(), new_key("ES256")
        self.addCleanup(own.close)
        own.jwks["keys"] += [jwk_of(other, "ES256", kid="one", alg="ES256"), {**own.jwks["keys"][0], "kid": "two"}]
        verifier = self.verifier(own)
        self.assert_refused(own.token(), None, verifier)
        self.assert_refused(own.token(key=other), None, verifier)
        self.assertEqual(self.status(verifier, own.token(header={"kid": "two"})), 200)

    def test_a_header_names_no_key_no_url_no_extension_and_no_other_type(self):
        mine = new_key("ES256")
        canary = f"{self.issuer.url}/canary"
        for header in ({"jwk": jwk_of(mine, "ES256")}, {"jku": canary}, {"x5u": canary}, {"x5c": ["AAAA"]}):
            self.assert_refused(self.issuer.token(header=header, key=mine), str(header))
        for header in (
            {"kid": "../../etc/passwd"}, {"kid": "one' OR '1'='1"}, {"kid": ""}, {"kid": canary}, {"kid": ["one"]}, {"kid": None},
            {"typ": "JWT"}, {"typ": ...}, {"typ": "logout+jwt"}, {"typ": "forward+jwt"}, {"crit": ["x"], "x": 1},
            {"crit": ["b64"], "b64": True}, {"crit": []}, {"b64": False},
        ):
            self.assert_refused(self.issuer.token(header=header), str(header))
        self.assert_refused(self.issuer.token(self.issuer.claims(iss=canary, jku=canary, sub="{canary}")))
        for kind in ("at+jwt", "AT+JWT", "application/at+jwt"):
            self.assertEqual(self.status(self.auth, self.issuer.token(header={"typ": kind})), 200, kind)
        self.assertEqual([path for path, _ in self.issuer.requests if path not in ("/v1/feed", "/.well-known/jwks.json")], [])

    def test_claims_have_one_type_once(self):
        now = self.issuer.now()
        for change in (
            {"iss": "https://other.example"}, {"iss": f"{self.issuer.url}/"}, {"iss": [self.issuer.url]}, {"aud": "https://other.example"},
            {"aud": []}, {"aud": {}}, {"aud": ["https://shop.example", 1]}, {"sub": ""}, {"sub": 1}, {"sub": ...}, {"exp": str(now + 900)},
            {"exp": True}, {"exp": None}, {"exp": now + 900.5}, {"exp": 1e300}, {"exp": ...}, {"iat": ...}, {"nbf": "x"}, {"nbf": now + 300},
            {"nbf": None}, {"iat": now + 300, "exp": now + 400}, {"exp": now - 100, "iat": now - 200}, {"exp": now + 7200},
            {"exp": now - 1, "iat": now + 5}, {"jti": "x"}, {"sid": "x"}, {"sid": "s" * 21 + "B"}, {"pos": ...}, {"pos": "7"}, {"pos": 1.5},
            {"pos": -1}, {"pos": 2**53}, {"pos": True}, {"client_id": ""}, {"client_id": "a b"}, {"roles": "admin"}, {"roles": [1]},
            {"scope": ["a"]}, {"amr": "pwd"}, {"auth_time": ...}, {"cnf": {"jkt": "x"}}, {"preferred_username": 7}, {"exp": float("nan")},
        ):
            self.assert_refused(self.issuer.token(self.issuer.claims(**change)), str(change))
        text = json.dumps(self.issuer.claims())
        for payload in (
            text.replace("{", '{"sub":"x",', 1), text.replace("{", '{"\\u0073ub":"x",', 1), text.replace("{", '{"x":{"a":1,"a":2},', 1),
            text.replace("{", '{"__proto__":{"roles":["admin"]},', 1), "[]", "null", "1", '"x"', "", f"{text} x", f"\ufeff{text}",
            "[" * 5000, text.replace("{", '{"x":' + "[" * 2000 + "]" * 2000 + ",", 1), b"\xff\xfe", text.replace("ada", "\xe9").encode("latin-1"),
        ):
            # `json.dumps` of the claims has escapes; the last one has a byte that is no UTF-8.
            if payload != text.encode():
                self.assert_refused(self.issuer.token(payload), str(payload)[:60])

    def test_text_that_is_no_compact_token_is_refused_quickly(self):
        token = self.issuer.token()
        header, payload, signature = token.split(".")
        last = {"A": "B"}.get(signature[-1], chr(ord(signature[-1]) + 1))
        jwe = b64({"alg": "ECDH-ES", "enc": "A256GCM", "typ": "at+jwt"})
        start = time.monotonic()
        for text in (
            "", ".", "..", "...", "." * 10_000_000, "a" * 10_000_000, f"{header}.{payload}", f"{header}.{payload}.", f".{payload}.{signature}",
            f"{token}.x", f"{token}=", f" {token}", f"{token}\n", f"{token}\0", f"{token}\u0660", f"{header}..{signature}", "\ud800", "é.é.é",
            f"{jwe}..AAAA.AAAA.AAAA", json.dumps({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}),
            f"{header}.{payload}.{'A' * 86}", f"{header}.{payload}.{signature[:-1]}", f"{header}.{b64('x' * 9000)}.{signature}",
            forged({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_000_000_000, "p2s": "AA", "typ": "at+jwt"}, "x"),
            forged({"zip": "DEF", "alg": "dir", "enc": "A128GCM"}, "x"), f"{header}.{payload}.{signature[:-1]}{last}", "cfs_", "cfs_\ud800",
        ):
            self.assert_refused(text, repr(text[:60]))
        self.assertLess(time.monotonic() - start, 5)

    def test_a_signature_of_zeros_verifies_nothing(self):
        unsigned = self.issuer.token().rpartition(".")[0]
        order = bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        for signature in (bytes(64), bytes(63) + b"\1", order * 2, b"", bytes([48]) * 72):
            self.assert_refused(f"{unsigned}.{b64(signature)}")

    def test_a_cached_token_gives_its_own_claims_and_the_cache_is_bounded(self):
        verifier = self.verifier(cache_size=4)
        tokens = {letter: self.issuer.token(self.issuer.claims(sub=ident(letter))) for letter in "abcdefgh"}
        for _ in range(3):
            for letter, token in tokens.items():
                self.assertEqual(verifier.verify(token).subject, ident(letter))
                self.assertEqual(self.auth.verify(token).subject, ident(letter))
        self.assert_refused(tokens["a"][:-4])
        self.assert_refused(f"{tokens['a'].rpartition('.')[0]}.{tokens['b'].rpartition('.')[2]}")

    def test_a_cached_token_expires(self):
        token = self.issuer.token(self.issuer.claims(iat=self.issuer.now() - 100, exp=self.issuer.now() - 58))
        user = self.auth.verify(token)
        self.becomes(self.auth, token, 401)
        self.assertEqual(user.ended, "expired")

    def test_all_invalid_tokens_get_the_same_answer_which_contains_nothing_of_them(self):
        answers = set()
        for token in (self.issuer.token(self.issuer.claims(exp=1, iat=0)), self.issuer.token(self.issuer.claims(aud="x")), "secret-text", "cfs_secret"):
            with self.assertRaises(Problem) as caught:
                self.auth.verify(token)
            problem = caught.exception
            answers.add((problem.status, problem.body(), str(problem.headers), str(problem.__cause__)))
            self.assertNotIn(token, f"{problem!r} {problem.__cause__!r}")
        self.assertEqual(len(answers), 1)

    def test_no_secret_is_shown(self):
        token = self.issuer.token()
        user = self.auth.verify(token)
        for shown in (repr(self.auth), repr(user), repr(self.auth.freshness()), repr(vars(self.auth))):
            self.assertNotIn(token, shown)
            self.assertNotIn(KEY[-20:], shown)

    def test_keys_of_all_allowed_algorithms_verify(self):
        for algorithm in ("ES384", "ES512", "EdDSA", "RS256", "PS384"):
            own = FakeIssuer(algorithm)
            self.addCleanup(own.close)
            verifier = self.verifier(own, algorithms=[algorithm])
            self.assertEqual(self.status(verifier, own.token()), 200, algorithm)
            self.assertEqual(self.status(verifier, own.token(header={"kid": ...})), 200, algorithm)
            self.assert_refused(self.issuer.token(own.claims()), algorithm, verifier)

    def test_a_weak_rsa_key_verifies_nothing(self):
        own, weak = FakeIssuer("RS256"), rsa.generate_private_key(65537, 1024)
        self.addCleanup(own.close)
        own.jwks["keys"].insert(0, jwk_of(weak, "RS256", kid="weak", alg="RS256"))
        verifier = self.verifier(own, algorithms=["RS256"])
        self.assert_refused(own.token(header={"kid": "weak"}, key=weak), None, verifier)
        self.assertEqual(self.status(verifier, own.token()), 200)

    def test_without_a_verifier_key_tokens_are_verified_by_signature_and_session_tokens_are_refused(self):
        with self.assertLogs("counterfoil", "WARNING") as lines:
            verifier = self.verifier(verifier_key=None)
        self.assertEqual(len(lines.output), 1)
        self.assertEqual(self.status(verifier, self.issuer.token()), 200)
        self.assert_refused(f"cfs_{ident('s')}.{'s' * 42}A", None, verifier)
        self.assertIsNone(verifier.freshness())

    def test_keys_are_fetched_without_redirect_and_within_limits(self):
        for answer in (
            (302, {"location": f"{self.issuer.url}/canary"}, ""), (200, {}, " " * 300_000), (200, {}, "[]"), (200, {}, '{"keys":{}}'),
            (200, {}, json.dumps({"keys": [{}] * 101})), (500, {}, json.dumps(self.issuer.jwks)), (200, {}, '{"keys":[],"keys":[]}'),
        ):
            own = FakeIssuer()
            self.addCleanup(own.close)
            own.on_keys = lambda answer=answer: answer
            verifier = self.verifier(own, verifier_key=None)
            self.assertEqual(self.status(verifier, own.token()), 503, str(answer)[:60])
        self.assertNotIn("/canary", [path for path, _ in self.issuer.requests])

    def test_an_invented_key_id_makes_no_request_each_time(self):
        for number in range(20):
            self.assert_refused(self.issuer.token(header={"kid": f"k{number}"}))
        self.assertLessEqual([path for path, _ in self.issuer.requests].count("/.well-known/jwks.json"), 2)

    def test_no_published_hostile_token_is_accepted_and_none_is_an_outage(self):
        vectors = os.environ.get("COUNTERFOIL_VECTORS")
        skip_unless(vectors, "clients/python/tokens", "COUNTERFOIL_VECTORS is not set")
        groups = json.loads(pathlib.Path(vectors, "wycheproof/json_web_signature_test.json").read_text())["testGroups"]
        own, count = FakeIssuer(), 0
        self.addCleanup(own.close)
        first = copy.deepcopy(own.jwks["keys"][0])
        for group in groups:
            jwk = group.get("public") or group.get("private")
            own.jwks["keys"] = [first, {**jwk, "kid": jwk.get("kid", "vector")}]
            verifier = self.verifier(own, verifier_key=None, algorithms=["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"])
            self.assertEqual(self.status(verifier, own.token()), 200)
            for test in group["tests"]:
                jws = test["jws"]
                self.assert_refused(jws if isinstance(jws, str) else json.dumps(jws), str(test["tcId"]), verifier)
                count += 1
        self.assertGreater(count, 100)

    def test_an_assertion_authenticates_for_its_audience_and_nothing_else_does(self):
        now = self.issuer.now()
        claims = {
            "iss": self.issuer.url, "aud": "https://app.example", "sub": ident("u"), "sid": ident("f"), "iat": now, "exp": now + 60,
            "auth_time": now, "amr": ["pwd"], "username": "ada", "roles": ["clerk"],
        }

        def in_a_thread(*headers):
            return self.auth.authenticate_forwarded(headers, "https://app.example")

        def on_an_event_loop(*headers):
            return asyncio.run(self.auth.authenticate_forwarded_async(headers, "https://app.example"))

        def by(*headers):
            try:
                user = way(*headers)
                return user and user.kind
            except Problem as problem:
                return problem.status

        def signed(kind="forward+jwt", **changes):
            return ("Remote-Assertion", self.issuer.token({**claims, **changes}, {"typ": kind}))

        for way in (in_a_thread, on_an_event_loop):
            self.assertEqual(by(signed()), "forwarded")
            self.assertIsNone(by(("Remote-User", "admin"), ("Remote-Groups", "admin")))
            self.assertIsNone(by(("Remote-Assertion", "")))
            for changes in (
                {"aud": "https://other.example"}, {"aud": ["https://app.example"]}, {"iss": "x"}, {"exp": now + 3600},
                {"iat": now - 200, "exp": now - 150}, {"sid": "x"}, {"sub": ""},
            ):
                self.assertEqual(by(signed(**changes)), 401, str(changes))
            self.assertEqual(by(signed("at+jwt")), 401)
            self.assertEqual(by(signed(), signed()), 401)
        # And an assertion is no access token.
        self.assert_refused(signed(aud="https://shop.example", pos=1, client_id="c", jti=ident("j"))[1])
        self.issuer.revoke(f"session:{ident('f')}")
        for way in (in_a_thread, on_an_event_loop):
            until(lambda: by(signed()) == 401, "the session is revoked")

    def test_an_assertion_is_refused_after_a_revocation_at_a_later_position_than_its_own(self):
        now, issuer = self.issuer.now(), self.issuer
        claims = {
            "iss": issuer.url, "aud": "https://app.example", "sub": ident("x"), "sid": ident("h"), "client_id": "web", "iat": now,
            "exp": now + 60, "auth_time": now, "amr": ["pwd"],
        }
        forwarded = self.auth.forwarded("https://app.example")

        def by(**changes):
            signed = {name: value for name, value in {**claims, **changes}.items() if value is not ...}
            try:
                return forwarded.authenticate("GET", [("Remote-Assertion", issuer.token(signed, {"typ": "forward+jwt"}))]).client_id
            except Problem as problem:
                return problem.status

        for changes in ({"pos": 1.5}, {"pos": -1}, {"pos": "7"}, {"pos": None}, {"pos": True}, {"pos": 2**53}, {"client_id": ""}):
            self.assertEqual(by(**changes), 401, str(changes))
        for subject in (f"user:{ident('x')}", "client:web", "everyone"):
            pos = issuer.head
            self.assertEqual(by(pos=pos), "web", subject)
            issuer.revoke(subject)
            until(lambda pos=pos: by(pos=pos) == 401, subject)
            # One that was signed after the revocation may arrive before it does.
            self.assertEqual((by(pos=issuer.head), by(pos=issuer.head + 5)), ("web", "web"), subject)
        # An issuer of an earlier version signs neither: what the verifier knew before this request revokes nothing.
        self.assertIsNone(by(client_id=...))
        # The log of a restored store begins above every position of the former one, with an entry for everyone.
        pos, issuer.log = issuer.head, ident("R")
        issuer.head += 2**32
        issuer.revoke("everyone")
        until(lambda: by(pos=pos) == 401, "the former log")
        self.assertEqual(by(pos=issuer.head), "web")

    def test_a_forwarded_user_ends_with_a_revocation_of_the_user_or_of_everyone(self):
        now, ways = self.issuer.now(), [f"user:{ident('w')}", "everyone"]
        claims = {
            "iss": self.issuer.url, "aud": "https://app.example", "sub": ident("w"), "sid": ident("g"), "iat": now, "exp": now + 60,
            "auth_time": now, "amr": ["pwd"], "username": "ada",
        }
        forwarded = self.auth.forwarded("https://app.example")
        for subject in ways:
            headers = [("Remote-Assertion", self.issuer.token(claims, {"typ": "forward+jwt"}))]
            user = forwarded.authenticate("GET", headers)
            self.assertIsNone(user.ended, "the proxy has asked after the revocation before")
            self.issuer.revoke(subject)
            until(lambda: user.ended in ("revoked", "session_ended"), subject)

    def test_a_forwarded_user_ends_when_the_assertion_expires(self):
        clock, now = JumpingClock(), self.issuer.now()
        verifier = self.verifier(verifier_key=None, clock=clock)
        claims = {
            "iss": self.issuer.url, "aud": "https://app.example", "sub": ident("u"), "sid": ident("f"), "iat": now, "exp": now + 60,
            "auth_time": now, "amr": ["pwd"], "username": "ada",
        }
        assertion = self.issuer.token(claims, {"typ": "forward+jwt"})
        user = verifier.forwarded("https://app.example").authenticate("GET", [("Remote-Assertion", assertion)])
        self.assertIsNone(user.ended)
        clock.offset = 61
        self.assertEqual(user.ended, "expired")
