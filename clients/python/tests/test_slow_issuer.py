"""An issuer that answers slowly, late or in pieces: it takes neither the feed nor the threads of the application."""

import asyncio
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from counterfoil import Problem
from counterfoil._http import HttpError, send
from fake_issuer import IssuerTest, JumpingClock, ident, jwk_of, new_key, until


def session_token(number=0):
    return f"cfs_{ident('s')}.{number:042}A"


def by_bearer(verifier, token):
    return verifier.authenticate_async("GET", [("authorization", f"Bearer {token}")])


class SlowIssuer(IssuerTest):
    def setUp(self):
        super().setUp()
        self.asked, self.held = [], threading.Event()
        self.addCleanup(self.held.set)

    def active(self, **changes):
        return {
            "active": True, "token_type": "session", "sub": ident("u"), "username": "ada", "client_id": "default", "aud": self.issuer.url,
            "sid": ident("s"), "exp": self.issuer.now() + 900, "auth_time": 1, "amr": ["pwd"], "pos": self.issuer.head, **changes,
        }

    def hold_introspection(self):
        # A slow machine must not end the questions that are held.
        limit = mock.patch("counterfoil._introspection._TIMEOUT", 30)
        limit.start()
        self.addCleanup(limit.stop)

        def answer(token):
            # What the issuer knows when the question comes.
            active = self.active()
            self.asked.append(token)
            self.held.wait(20)
            return active

        self.issuer.on_introspect = answer

    def test_a_slow_key_set_delays_no_poll(self):
        self.issuer.lease_ms = 900
        verifier, old, new = self.verifier(), self.issuer.token(), new_key("ES256")
        self.assertEqual(self.status(verifier, old), 200)
        fetches = self.fetches()
        answer = self.hold_keys({"keys": [*self.issuer.jwks["keys"], jwk_of(new, "ES256", kid="new", alg="ES256")]})
        until(lambda: self.fetches() > fetches, "the new key set is fetched")
        polls = verifier.freshness().polls
        # Less than the time-out of the fetch.
        until(lambda: verifier.freshness().polls > polls + 3, "the feed is followed during the fetch", 4)
        self.becomes(verifier, old, 200)
        self.assertEqual(self.fetches(), fetches + 1)
        answer.set()
        self.becomes(verifier, self.issuer.token(header={"kid": "new"}, key=new), 200)

    def fetches(self):
        return [path for path, _ in list(self.issuer.requests)].count("/.well-known/jwks.json")

    def hold_keys(self, jwks):
        """Announces a key set and does not answer with it until the returned event is set."""
        event, self.issuer.jwks = threading.Event(), jwks
        self.addCleanup(event.set)
        text = json.dumps(jwks)

        def answer():
            event.wait(20)
            return 200, {}, text

        self.issuer.on_keys = answer
        return event

    def test_slow_questions_leave_the_threads_of_an_event_loop_alone_and_further_ones_fail_at_once(self):
        verifier, token = self.verifier(), self.issuer.token()
        self.hold_introspection()

        async def ask():
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
            tasks = [asyncio.create_task(by_bearer(verifier, session_token(number))) for number in range(70)]
            await asyncio.wait(tasks, timeout=20, return_when=asyncio.FIRST_COMPLETED)
            self.assertEqual(await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 2), "free")
            self.assertEqual((await by_bearer(verifier, token)).username, "ada")
            self.assertEqual([task.exception().code for task in tasks if task.done()], ["unavailable"] * 6)
            self.held.set()
            return await asyncio.gather(*tasks, return_exceptions=True)

        answers = asyncio.run(ask())
        self.assertEqual([answer.username for answer in answers if not isinstance(answer, Exception)], ["ada"] * 64)

    def test_requests_with_one_token_share_one_question_and_one_that_is_cancelled_cancels_no_other(self):
        verifier, token = self.verifier(), session_token()
        self.hold_introspection()

        async def ask():
            threads = [asyncio.to_thread(verifier.verify, token) for _ in range(4)]
            first, *others = (asyncio.create_task(by_bearer(verifier, token)) for _ in range(20))
            while not self.asked:
                await asyncio.sleep(0.01)
            first.cancel()
            answers = asyncio.gather(*threads, *others)
            await asyncio.sleep(0.1)
            self.held.set()
            return await answers

        self.assertEqual([answer.username for answer in asyncio.run(ask())], ["ada"] * 23)
        self.assertEqual(self.asked, [token])

    def test_a_shared_answer_that_is_older_than_a_revocation_is_asked_for_again(self):
        verifier, token = self.verifier(), session_token()
        other = self.issuer.token(self.issuer.claims(sid=ident("o")))
        self.hold_introspection()
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(verifier.verify, token)
            until(lambda: self.asked, "the first question")
            self.issuer.revoke(f"user:{ident('u')}")
            self.becomes(verifier, other, 401)
            second = threads.submit(verifier.verify, token)
            self.held.set()
            self.assertEqual([first.result(20).username, second.result(20).username], ["ada", "ada"])

    def test_an_answer_in_pieces_ends_with_the_time_out_of_the_request(self):
        head, chunked = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        for start, piece in ((head, b"x: y\r\n"), (chunked, b"1\r\na\r\n"), (head + b"content-length: 5000\r\n\r\n", b"x"), (b"", b"H")):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                threading.Thread(target=trickle, args=(listener, start, piece), daemon=True).start()
                begin = time.monotonic()
                with self.assertRaises(HttpError):
                    send(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, 0.5, 10_000)
                self.assertLess(time.monotonic() - begin, 5, piece)

    def test_a_log_handler_that_fails_does_not_end_the_feed(self):
        class Failing(logging.Handler):
            def emit(self, record):
                lines.append(record.getMessage())
                raise RuntimeError("the handler of the application fails")

        lines, handler = [], Failing()
        logging.getLogger("counterfoil").addHandler(handler)
        self.addCleanup(logging.getLogger("counterfoil").removeHandler, handler)
        self.issuer.lease_ms = 600
        verifier, token = self.verifier(), self.issuer.token()
        self.issuer.on_feed = lambda answer: None
        self.becomes(verifier, token, 503)
        until(lambda: any("stale" in line for line in lines), "the line was logged")
        self.issuer.on_feed = lambda answer: answer
        self.becomes(verifier, token, 200)

    def test_without_a_feed_a_key_that_is_gone_verifies_no_token_that_was_verified_before(self):
        clock = JumpingClock()
        verifier = self.verifier(verifier_key=None, clock=clock, max_token_lifetime=20_000)
        token = self.issuer.token(self.issuer.claims(exp=self.issuer.now() + 20_000))
        self.assertEqual(self.status(verifier, token), 200)
        replacement = {"keys": [jwk_of(new_key("ES256"), "ES256", kid="new", alg="ES256")]}
        event, clock.offset = self.hold_keys(replacement), 301
        # The old keys are used until the new ones are there.
        begin = time.monotonic()
        self.assertEqual(self.status(verifier, token), 200)
        self.assertLess(time.monotonic() - begin, 3)
        event.set()
        self.becomes(verifier, token, 401)
        # Keys that could not be fetched again for two hours are used no longer.
        self.issuer.on_keys, clock.offset = lambda: (500, {}, ""), 301 + 7300
        self.becomes(verifier, token, 503)

    def test_without_a_feed_a_token_that_is_verified_while_its_key_is_replaced_is_not_kept(self):
        verifier, token = self.verifier(verifier_key=None), self.issuer.token()
        tokens, decode = verifier._tokens, verifier._tokens._jws.decode_complete

        def decode_slowly(*args, **options):
            decoded = decode(*args, **options)
            self.issuer.jwks = {"keys": [jwk_of(new_key("ES256"), "ES256", kid="new", alg="ES256")]}
            tokens.keys._load("")
            return decoded

        tokens._jws.decode_complete = decode_slowly
        # This request came before the key was replaced.
        self.assertEqual(self.status(verifier, token), 200)
        self.assertEqual(self.status(verifier, token), 401)

    def test_without_a_feed_ended_notices_only_that_the_credential_expires(self):
        verifier = self.verifier(follow=False)
        now = self.issuer.now()
        token = self.issuer.token(self.issuer.claims(iat=now - 100, exp=now - 55))
        self.issuer.on_introspect = lambda _: self.active(token_type="access")
        user = verifier.verify(token)
        self.issuer.on_introspect = lambda _: {"active": False}
        with self.assertRaises(Problem):
            verifier.verify(token)
        self.assertIsNone(user.ended)
        until(lambda: user.ended == "expired", "the credential expires")


def trickle(listener, start, piece):
    connection, _ = listener.accept()
    with connection:
        try:
            connection.sendall(start)
            for _ in range(150):
                connection.sendall(piece)
                time.sleep(0.1)
        except OSError:
            pass
