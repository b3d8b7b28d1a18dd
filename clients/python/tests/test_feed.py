"""The revocation feed: what is in force, until when, and what no answer of the issuer may do."""

import multiprocessing
import os
import time

from counterfoil import Problem, Verifier
from fake_issuer import KEY, FakeIssuer, IssuerTest, JumpingClock, ident, jwk_of, new_key, until


class Feed(IssuerTest):
    def test_each_subject_revokes_its_tokens_and_no_others_by_position_where_the_protocol_says_so(self):
        verifier = self.verifier()
        kept = self.issuer.token(self.issuer.claims(sid=ident("o"), jti=ident("o"), sub=ident("o"), client_id="other"))
        for letter, (kind, claim) in zip("ABCD", (("session", "sid"), ("token", "jti"), ("user", "sub"), ("client", "client_id"))):
            claims = self.issuer.claims(sid=ident(letter), jti=ident(letter), sub=ident(letter), client_id=f"client-{letter}")
            token = self.issuer.token(claims)
            user = verifier.verify(token)
            self.issuer.revoke(f"{kind}:{claims[claim]}")
            self.becomes(verifier, token, 401)
            self.assertIn(user.ended, ("revoked", "session_ended"))
            self.assertEqual(self.status(verifier, kept), 200, kind)
            later = self.issuer.token({**claims, "pos": self.issuer.head})
            self.assertEqual(self.status(verifier, later), 200 if kind in ("user", "client") else 401, kind)
        self.issuer.revoke("everyone")
        self.becomes(verifier, kept, 401)
        token = self.issuer.token()
        self.assertEqual(self.status(verifier, token), 200)
        self.issuer.revoke("key:one")
        self.becomes(verifier, token, 401)
        self.assertEqual(self.status(verifier, self.issuer.token(self.issuer.claims(pos=self.issuer.head + 10**6))), 401)

    def test_entries_merge_and_leave_only_by_their_own_time(self):
        start = self.issuer.now()
        verifier = self.verifier()
        token = self.issuer.token(self.issuer.claims(sid=ident("m"), exp=start + 3000))
        self.issuer.revoke(f"session:{ident('m')}", start + 1000)
        self.becomes(verifier, token, 401)
        # A snapshot without the entry, of another log: it is merged into what is held.
        self.issuer.entries, self.issuer.log = [], ident("N")
        polls = verifier.freshness().polls
        until(lambda: verifier.freshness().polls > polls + 2 and verifier.freshness().fresh, "polls of the new log")
        self.assertEqual((self.status(verifier, token), verifier.freshness().entries), (401, 1))
        self.issuer.now = lambda: start + 1100
        until(lambda: verifier.freshness().entries == 0, "the entry is pruned by the time of the issuer")

    def test_the_lease_counts_from_the_sending_of_the_poll_and_nothing_is_accepted_after_it(self):
        self.issuer.lease_ms = 1500
        verifier = self.verifier()
        token = self.issuer.token()
        user = verifier.verify(token)
        self.issuer.on_feed = lambda answer: None
        # Each lease was given by a poll that was sent before this moment.
        cut = last = time.monotonic()
        with self.assertLogs("counterfoil", "WARNING") as lines:
            asked = time.monotonic()
            while self.status(verifier, token) == 200:
                last, asked = asked, time.monotonic()
            self.assertLess(last - cut, 1.5)
            self.assertEqual(user.ended, "unavailable")
            with self.assertRaises(Problem) as caught:
                verifier.verify(token)
            self.assertEqual((caught.exception.code, caught.exception.headers["retry-after"]), ("stale", "1"))
            until(lambda: any("stale" in line for line in lines.output), "a line for the operator")
            self.issuer.on_feed = lambda answer: answer
            self.becomes(verifier, token, 200)
        self.assertIsNone(user.ended)

    def test_answers_of_another_poll_or_garbage_renew_no_lease_and_stop_nothing(self):
        token = self.issuer.token()
        for change in (
            lambda answer: {**answer, "instance": "other"}, lambda answer: {**answer, "poll": answer["poll"] - 1}, lambda _: "garbage",
            lambda answer: {**answer, "next": answer["head"] + 1}, lambda answer: {**answer, "lease_ms": 10**9}, lambda _: "[" * 100_000,
            lambda answer: {**answer, "lease_ms": -1}, lambda answer: {**answer, "entries": [{"subject": "moon:x", "position": 1, "until": 1}]},
            lambda answer: {**answer, "next": answer["head"] - 1, "log": ident("P")}, lambda _: None, lambda _: " " * 17_000_000,
            lambda answer: {**answer, "entries": [{"subject": "everyone", "position": 1}]}, lambda answer: {**answer, "now": 1e300},
        ):
            own = FakeIssuer()
            self.addCleanup(own.close)
            own.on_feed = change
            verifier = self.verifier_that_waits(own)
            until(lambda: verifier.freshness().polls > 1, "another poll")
            self.assertFalse(verifier.freshness().fresh)
            own.on_feed = lambda answer: answer
            self.becomes(verifier, own.token(), 200)
            verifier.close()
        self.assertTrue(token)

    def verifier_that_waits(self, issuer, **options):
        verifier = Verifier(issuer=issuer.url, audience="https://shop.example", algorithms=["ES256"], verifier_key=KEY, **options)
        self.addCleanup(verifier.close)
        return verifier

    def test_a_position_is_acknowledged_only_after_it_is_in_force(self):
        verifier = self.verifier()
        self.issuer.revoke(f"session:{ident('s')}")
        head = str(self.issuer.head)
        until(lambda: any(query.get("after") == head for _, query in list(self.issuer.requests)), "the acknowledgement")
        self.assertEqual(self.status(verifier, self.issuer.token()), 401)

    def test_more_revocations_than_allowed_count_as_stale(self):
        verifier = self.verifier(max_revocations=2)
        for letter in "abc":
            self.issuer.revoke(f"session:{ident(letter)}")
        self.becomes(verifier, self.issuer.token(), 503)

    def test_a_new_key_set_is_fetched_when_the_feed_announces_it(self):
        verifier = self.verifier()
        old, new = self.issuer.token(), new_key("ES256")
        self.assertEqual(self.status(verifier, old), 200)
        self.issuer.jwks = {"keys": [jwk_of(new, "ES256", kid="new", alg="ES256")]}
        self.becomes(verifier, self.issuer.token(header={"kid": "new"}, key=new), 200)
        self.becomes(verifier, old, 401)

    def test_a_jump_of_the_wall_clock_back_prolongs_no_lease(self):
        clock = JumpingClock()
        self.issuer.lease_ms = 1500
        verifier, token = self.verifier(clock=clock), self.issuer.token()
        self.assertEqual(self.status(verifier, token), 200)
        self.issuer.on_feed = lambda answer: None
        clock.offset = -100_000
        end = time.monotonic() + 1.6
        self.becomes(verifier, token, 503)
        self.assertLess(time.monotonic(), end + 3)

    def test_after_close_nothing_is_accepted(self):
        verifier, token = self.verifier(), self.issuer.token()
        self.assertEqual(self.status(verifier, token), 200)
        verifier.close()
        self.assertEqual(self.status(verifier, token), 503)

    def test_stale_introspect_asks_for_each_request_and_dangerous_acceptance_is_told(self):
        session = {"active": True, "token_type": "access", "client_id": "default", "aud": ["https://shop.example"], "auth_time": 1, "amr": [], "pos": 1}
        own = FakeIssuer()
        self.addCleanup(own.close)
        own.on_feed, token = lambda answer: None, own.token()
        verifier = self.verifier_that_waits(own, stale="introspect")
        own.on_introspect = lambda _: {**session, "sub": ident("u"), "sid": ident("s"), "exp": own.now() + 900}
        self.assertEqual(self.status(verifier, token), 200)
        own.on_introspect = lambda _: {**session, "sub": ident("x"), "sid": ident("s"), "exp": own.now() + 900}
        self.assertEqual(self.status(verifier, token), 401)
        own.on_introspect = lambda _: {"active": False}
        self.assertEqual(self.status(verifier, token), 401)
        for broken in ("garbage", None, {"active": "yes"}, {"active": True}):
            own.on_introspect = lambda _, broken=broken: broken
            self.assertEqual(self.status(verifier, token), 503, str(broken))
        self.verifier(danger_accept_stale=7)
        self.assertEqual({query.get("stale") for path, query in self.issuer.requests if path == "/v1/feed"}, {"7"})

    def test_a_kept_answer_about_a_session_is_checked_against_each_revocation(self):
        verifier, asked = self.verifier(), []
        token = f"cfs_{ident('s')}.{'s' * 42}A"

        def active(text):
            asked.append(text)
            return {
                "active": True, "token_type": "session", "sub": ident("u"), "username": "ada", "client_id": "default", "aud": self.issuer.url,
                "sid": ident("s"), "exp": self.issuer.now() + 900, "auth_time": 1, "amr": ["pwd"], "pos": self.issuer.head,
            }

        self.issuer.on_introspect = active
        for _ in range(5):
            self.assertEqual(verifier.verify(token).username, "ada")
        self.assertEqual(asked, [token])
        # A session entry revokes whatever a late answer says.
        self.issuer.revoke(f"session:{ident('s')}")
        self.becomes(verifier, token, 401)
        count = len(asked)
        for text in ("cfs_x", f"{token}x", f"cfs_{ident('s')}.{'s' * 42}B", f"{token}\n"):
            self.assertEqual(self.status(verifier, text), 401)
        self.assertEqual(len(asked), count)

    def test_a_child_process_follows_the_feed_as_an_instance_of_its_own(self):
        verifier, token = self.verifier(), self.issuer.token()
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()

        def child():
            queue.put((self.status(verifier, token), verifier.freshness().polls))
            os._exit(0)

        process = context.Process(target=child)
        process.start()
        process.join(30)
        self.assertEqual(queue.get()[0], 200)
        instances = {query["instance"] for path, query in self.issuer.requests if path == "/v1/feed"}
        self.assertEqual(len(instances), 2)
