// The revocation feed: what is in force, until when, and what no answer of the issuer may do.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { exportJWK, generateKeyPair } from "jose";

import { counterfoil } from "@counterfoil/node";

import { FakeIssuer, ID, KEY, TestClock } from "./fake-issuer.mjs";
import { until } from "./server.mjs";

let issuer;
before(async () => (issuer = await FakeIssuer.start()));
after(() => issuer.close());

/** Runs a test with a verifier of its own, whose issuer gives the usual answers unless the test changes them. */
async function withVerifier(options, run, from = issuer) {
  const lines = [];
  const clock = new TestClock();
  const all = { issuer: from.url, audience: "https://shop.example", algorithms: ["ES256"], verifierKey: KEY, clock, log: (line) => lines.push(line) };
  const auth = counterfoil({ ...all, ...options });
  try {
    await run(auth, { clock, lines });
  } finally {
    auth.close();
    Object.assign(from, { onFeed: (answer) => answer, onKeys: undefined, leaseMs: 3000, log: ID("L") });
    from.onIntrospect = () => ({ active: false });
  }
}

const status = (auth, token) => auth.verify(token).then(() => 200, (error) => error.status ?? error);
const becomes = (auth, token, wanted) => until(async () => (await status(auth, token)) === wanted, `status ${wanted}`);

test("each subject revokes its tokens and no others, by position where the protocol says so", async () => {
  await withVerifier({}, async (auth) => {
    await auth.ready();
    const subjects = {
      session: (token) => `session:${token.sid}`, token: (token) => `token:${token.jti}`, user: (token) => `user:${token.sub}`,
      client: (token) => `client:${token.client_id}`,
    };
    for (const [index, [kind, subject]] of Object.entries(subjects).entries()) {
      const letter = "ABCD"[index];
      const claims = issuer.claims({ sid: ID(letter), jti: ID(letter), sub: ID(letter), client_id: `client-${letter}` });
      const other = issuer.claims({ sid: ID("o"), jti: ID("o"), sub: ID("o"), client_id: "other" });
      const [revoked, kept] = [await issuer.token(claims), await issuer.token(other)];
      assert.equal(await status(auth, revoked), 200, kind);
      issuer.revoke(subject(claims));
      await becomes(auth, revoked, 401);
      assert.equal(await status(auth, kept), 200, kind);
      // A later token of the user or client is valid; one of the session or with the id never is.
      const later = await issuer.token({ ...claims, pos: issuer.head });
      assert.equal(await status(auth, later), kind === "user" || kind === "client" ? 200 : 401, kind);
    }
    const before = await issuer.token(issuer.claims({ sid: ID("e") }));
    assert.equal(await status(auth, before), 200);
    issuer.revoke("everyone");
    await becomes(auth, before, 401);
    const token = await issuer.token(issuer.claims({ sid: ID("e") }));
    assert.equal(await status(auth, token), 200);
    issuer.revoke("key:one", null);
    await becomes(auth, token, 401);
    assert.equal(await status(auth, await issuer.token(issuer.claims({ pos: issuer.head + 1e6 }))), 401);
  });
  issuer.entries = [];
});

test("entries of one subject merge, and leave only by their own time", async () => {
  const start = issuer.now();
  await withVerifier({}, async (auth) => {
    await auth.ready();
    const token = await issuer.token(issuer.claims({ sid: ID("m"), exp: start + 3000 }));
    issuer.revoke(`session:${ID("m")}`, start + 1000);
    await becomes(auth, token, 401);
    // A snapshot without the entry, of another log: it is merged into what is held.
    issuer.entries = [];
    issuer.log = ID("N");
    issuer.cut();
    const { polls } = auth.freshness();
    await until(() => auth.freshness().polls > polls + 2 && auth.freshness().fresh, "polls of the new log");
    assert.equal(await status(auth, token), 401);
    assert.equal(auth.freshness().entries, 1);
    issuer.now = () => start + 1100;
    await until(() => auth.freshness().entries === 0, "the entry is pruned by the time of the issuer");
  });
  issuer.now = () => Math.floor(Date.now() / 1000);
});

test("the lease counts from the sending of the poll, and nothing is accepted after it", async () => {
  issuer.leaseMs = 1500;
  await withVerifier({}, async (auth, { lines }) => {
    await auth.ready();
    const token = await issuer.token();
    assert.equal(await status(auth, token), 200);
    const user = await auth.verify(token);
    const ended = new Promise((resolve) => user.ended.addEventListener("abort", resolve));
    const cutAt = performance.now();
    issuer.onFeed = () => undefined;
    issuer.cut();
    let lastAccepted = cutAt;
    await until(async () => {
      const asked = performance.now();
      const result = await status(auth, token);
      if (result === 200) lastAccepted = asked;
      return result === 503;
    }, "the lease ends");
    assert(lastAccepted - cutAt < 1500, `accepted ${lastAccepted - cutAt} ms after the cut`);
    await ended;
    assert.deepEqual([user.ended.reason.reason, user.ended.reason.closeCode], ["unavailable", 1013]);
    const problem = await auth.verify(token).catch((error) => error);
    assert.deepEqual([problem.code, problem.headers["retry-after"]], ["stale", "1"]);
    await until(() => lines.some((line) => line.includes("stale")), "a line for the operator");
    issuer.onFeed = (answer) => answer;
    await becomes(auth, token, 200);
  });
});

test("answers that are not of this poll, or garbage, renew no lease and stop nothing", async () => {
  const token = await issuer.token();
  const huge = "x".repeat(1 << 20);
  const garbage = [
    (answer) => ({ ...answer, instance: "another" }), (answer) => ({ ...answer, poll: answer.poll - 1 }), (answer) => ({ ...answer, poll: String(answer.poll) }),
    () => "", () => "{", () => "[]", () => "null", () => "[".repeat(200_000), (answer) => ({ ...answer, lease_ms: "3000" }), (answer) => ({ ...answer, lease_ms: 1e12 }),
    (answer) => ({ ...answer, head: answer.head + 1, next: answer.next + 2 }), (answer) => ({ ...answer, next: answer.next - 1, entries: [] }),
    (answer) => ({ ...answer, head: 2 ** 60, next: 2 ** 60 }), (answer) => ({ ...answer, now: null }), (answer) => ({ ...answer, entries: {} }),
    (answer) => ({ ...answer, entries: [null] }), (answer) => ({ ...answer, entries: [{ position: 1, subject: "galaxy:x", until: 1 }] }),
    (answer) => ({ ...answer, entries: [{ position: 1, subject: "session:../../x", until: 1 }] }), (answer) => ({ ...answer, entries: [{ position: 1, subject: "everyone" }] }),
    (answer) => ({ ...answer, keys: 7 }), (answer, res) => void res.writeHead(302, { location: `${issuer.url}/v1/feed` }).end(),
    (answer, res) => void res.writeHead(500).end(), (answer, res) => void res.writeHead(401).end('{"detail":"a\\nb"}'), (answer, res) => void res.writeHead(429, { "retry-after": "soon" }).end(),
    (answer, res) => void res.destroy(),
    (answer, res) => { res.writeHead(200); const send = () => { while (!res.destroyed && res.write(huge)); if (!res.destroyed) res.once("drain", send); }; send(); },
  ];
  for (const wrong of garbage) {
    let count = 0;
    issuer.onFeed = (answer, res) => (count++, wrong(answer, res));
    await withVerifier({}, async (auth) => {
      await until(() => auth.freshness().failedPolls > 0, `a failed poll for ${wrong}`);
      assert.equal(auth.freshness().fresh, false, String(wrong));
      assert(!auth.freshness().lastError.includes("\n"));
    });
    assert(count < 20, `${wrong}: ${count} polls`);
  }
  await withVerifier({}, async (auth) => assert.equal(await status(auth, token), 200));
});

test("more revocations than allowed make the verifier stale", async () => {
  issuer.entries = [..."abcdef"].map((letter) => ({ position: ++issuer.head, subject: `session:${ID(letter)}`, until: issuer.now() + 900 }));
  await withVerifier({ maxRevocations: 5 }, async (auth) => {
    await until(() => auth.freshness().failedPolls > 0, "a failed poll");
    assert.equal(auth.freshness().fresh, false);
    assert.match(auth.freshness().lastError, /maxRevocations/);
  });
  issuer.entries = [];
});

test("pages of a snapshot are read to the end before anything is accepted", async () => {
  issuer.entries = [..."abcd"].map((letter) => ({ position: ++issuer.head, subject: `session:${ID(letter)}`, until: issuer.now() + 900 }));
  const sizes = [];
  issuer.onFeed = (answer) => {
    const [first] = answer.entries;
    sizes.push(answer.entries.length);
    return first ? { ...answer, next: first.position, entries: [first] } : answer;
  };
  await withVerifier({}, async (auth) => {
    const token = await issuer.token(issuer.claims({ sid: ID("d") }));
    assert.equal(await status(auth, token), 401);
    assert.equal(auth.freshness().entries, 4);
    assert.deepEqual(sizes.slice(0, 4), [4, 3, 2, 1]);
  });
  issuer.entries = [];
});

test("a jump of the wall clock extends no lease, and a suspend ends it", async () => {
  await withVerifier({}, async (auth, { clock }) => {
    await auth.ready();
    const token = await issuer.token();
    const user = await auth.verify(token);
    // Back: the monotonic clock counts on.
    clock.offset = -3600_000;
    assert.equal(await status(auth, token), 200);
    issuer.onFeed = () => undefined;
    issuer.cut();
    // A suspend: only the wall clock has moved.
    clock.offset = 0;
    await until(async () => (await status(auth, token)) === 503 || auth.freshness().fresh === false, "the lease ends");
    issuer.onFeed = (answer) => answer;
    await becomes(auth, token, 200);
    issuer.onFeed = () => undefined;
    issuer.cut();
    clock.offset = 4000;
    assert.equal(await status(auth, token), 503);
    assert.equal(user.subject, ID("u"));
    issuer.onFeed = (answer) => answer;
    await becomes(auth, token, 200);
  });
});

test("a late clock of this machine accepts no token that has expired for the issuer", async () => {
  await withVerifier({}, async (auth, { clock }) => {
    clock.offset = -1000_000;
    await auth.ready();
    const now = issuer.now();
    assert.equal(await status(auth, await issuer.token(issuer.claims({ iat: now - 500, exp: now - 100 }))), 401);
    assert.equal(await status(auth, await issuer.token(issuer.claims())), 200);
  });
});

test("a new key is in force with its announcement, and a key set with another hash is not used", async () => {
  const next = await generateKeyPair("ES256", { extractable: true });
  const old = issuer.jwks;
  await withVerifier({}, async (auth) => {
    const token = await issuer.token();
    assert.equal(await status(auth, token), 200);
    const mine = await issuer.token(issuer.claims(), { kid: "two" }, next.privateKey);
    assert.equal(await status(auth, mine), 401);
    // The announced hash is of a set that the response does not have.
    issuer.onKeys = (res) => res.writeHead(200).end(JSON.stringify({ keys: [{ ...old.keys[0], kid: "forged" }] }));
    issuer.jwks = { keys: [{ ...(await exportJWK(next.publicKey)), kid: "two", alg: "ES256" }] };
    await until(() => issuer.requests.some(({ path, query }) => path.endsWith("jwks.json") && query.has("v")), "the fetch by hash");
    assert.equal(await status(auth, token), 200);
    assert.equal(await status(auth, await issuer.token(issuer.claims(), { kid: "forged" })), 401);
    issuer.onKeys = undefined;
    await becomes(auth, mine, 200);
    // The old key is gone, with its cached tokens.
    assert.equal(await status(auth, token), 401);
  });
  issuer.jwks = old;
});

test("an unknown key makes one fetch in thirty seconds, whatever it is called", async () => {
  await withVerifier({}, async (auth, { clock }) => {
    assert.equal(await status(auth, await issuer.token()), 200);
    const count = () => issuer.requests.filter(({ path }) => path.endsWith("jwks.json")).length;
    const before = count();
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => issuer.token(issuer.claims(), { kid: `unknown-${index}` })));
    for (const result of await Promise.all(tokens.map((token) => status(auth, token)))) assert.equal(result, 401);
    assert(count() - before <= 1, `${count() - before} fetches`);
    clock.monotonicOffset = 31_000;
    const again = count();
    await status(auth, tokens[0]);
    await until(() => count() === again + 1, "one more fetch");
    await until(() => auth.freshness().fresh, "fresh again");
  });
});

test("keys that cannot be fetched are an outage, never an invalid token; redirects and large sets are refused", async () => {
  const token = await issuer.token();
  const answers = [
    (res) => res.writeHead(302, { location: `${issuer.url}/.well-known/jwks.json?again` }).end(), (res) => res.writeHead(200).end(JSON.stringify({ keys: [], x: "x".repeat(300_000) })),
    (res) => res.writeHead(500).end(), (res) => res.writeHead(200).end("<html>"), (res) => res.writeHead(200).end('{"keys":[]}'), (res) => res.destroy(),
  ];
  for (const answer of answers) {
    const before = issuer.requests.length;
    issuer.onKeys = answer;
    await withVerifier({}, async (auth) => {
      assert.equal(await status(auth, token), 503, String(answer));
      assert(!issuer.requests.slice(before).some(({ query }) => query.has("again")));
    });
  }
});

test("with the policy `introspect` a stale verifier asks for each request", async () => {
  issuer.leaseMs = 600;
  const session = `cfs_${ID("s")}.${"s".repeat(42)}A`;
  await withVerifier({ stale: "introspect" }, async (auth) => {
    await auth.ready();
    const token = await issuer.token();
    assert.equal(await status(auth, token), 200);
    issuer.onFeed = () => undefined;
    issuer.cut();
    await becomes(auth, token, 401);
    let asked = 0;
    issuer.onIntrospect = (text) => (asked++, { ...issuer.claims(), active: true, token_type: text.startsWith("cfs_") ? "session" : "access", aud: issuer.url });
    assert.equal(await status(auth, token), 200);
    assert.equal(await status(auth, token), 200);
    assert.equal(await status(auth, session), 200);
    assert.equal(asked, 3);
    issuer.onIntrospect = () => ({ ...issuer.claims({ sub: ID("x") }), active: true, token_type: "access" });
    assert.equal(await status(auth, token), 401);
    issuer.onIntrospect = () => "no answer";
    assert.equal(await status(auth, token), 503);
  });
});

test("accepted staleness is told to the issuer and has an end", async () => {
  issuer.leaseMs = 500;
  await withVerifier({ dangerAcceptStaleMs: 1000 }, async (auth) => {
    await auth.ready();
    assert.equal(issuer.requests.findLast(({ path }) => path === "/v1/feed").query.get("stale"), "1");
    const token = await issuer.token();
    assert.equal(await status(auth, token), 200);
    issuer.onFeed = () => undefined;
    issuer.cut();
    await until(() => !auth.freshness().fresh, "the lease ends");
    await becomes(auth, token, 503);
  });
});

test("without the feed every request introspects", async () => {
  await withVerifier({ follow: false }, async (auth) => {
    const token = await issuer.token();
    assert.equal(await status(auth, token), 401);
    let asked = 0;
    issuer.onIntrospect = () => (asked++, { ...issuer.claims(), active: true, token_type: "access" });
    assert.equal(await status(auth, token), 200);
    assert.equal(await status(auth, token), 200);
    assert.equal(asked, 2);
    assert.equal(auth.freshness(), null);
  });
});

test("session tokens: one question for many requests, kept for 30 seconds, and dropped by a revocation", async () => {
  const session = `cfs_${ID("s")}.${"s".repeat(42)}A`;
  await withVerifier({}, async (auth, { clock }) => {
    await auth.ready();
    let asked = 0;
    issuer.onIntrospect = () => (asked++, { ...issuer.claims(), exp: issuer.now() + 100, active: true, token_type: "session", aud: [issuer.url], username: "ada" });
    const users = await Promise.all(Array.from({ length: 100 }, () => auth.verify(session)));
    assert.deepEqual([asked, users[0].kind, users[0].username], [1, "session", "ada"]);
    clock.monotonicOffset += 31_000;
    await becomes(auth, session, 200);
    assert.equal(asked, 2);
    // A change of the user's roles: the session continues, with another answer.
    issuer.revoke(`user:${ID("u")}`);
    await until(async () => (await auth.verify(session)) && asked === 3, "a new question");
    issuer.revoke(`session:${ID("s")}`);
    await becomes(auth, session, 401);
    for (const answer of [
      { active: false }, { active: true, token_type: "refresh" }, { active: true, token_type: "access" }, { active: true, token_type: "session", aud: ["https://other.example"] },
      { active: true, token_type: "session", exp: issuer.now() - 1 },
    ]) {
      issuer.onIntrospect = () => ({ ...issuer.claims({ sid: ID("t") }), aud: [issuer.url], ...answer });
      assert.equal(await status(auth, `cfs_${ID("t")}.${"abcdefgh"[asked++ % 8].repeat(42)}A`), 401, JSON.stringify(answer));
    }
    const malformed = [{ active: "true" }, { active: true, token_type: "session", sid: "x" }, { active: true, token_type: "session", roles: "admin" }];
    for (const answer of malformed) {
      issuer.onIntrospect = () => ({ ...issuer.claims({ sid: ID("t") }), aud: [issuer.url], ...answer });
      assert.equal(await status(auth, `cfs_${ID("t")}.${"ijklmnop"[asked++ % 8].repeat(42)}A`), 503, JSON.stringify(answer));
    }
  });
  issuer.entries = [];
});

test("session tokens that are not canonical make no request, and questions are limited", async () => {
  await withVerifier({}, async (auth) => {
    await auth.ready();
    const count = () => issuer.requests.filter(({ path }) => path === "/oauth/introspect").length;
    const before = count();
    for (const token of ["cfs_", "cfs_x", `cfs_${ID("s")}.${"s".repeat(42)}t`, `cfs_${"s".repeat(22)}.${"s".repeat(42)}A`, `cfs_${ID("s")}.${"s".repeat(42)}A `, `cfs_${"s".repeat(1e6)}`]) {
      assert.equal(await status(auth, token), 401, token.slice(0, 80));
    }
    assert.equal(count(), before);
    issuer.onIntrospect = () => ({ active: false });
    const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"];
    const tokens = letters.flatMap((letter) => [`cfs_${ID("s")}.${letter.repeat(42)}A`, `cfs_${ID("s")}.${letter.repeat(42)}E`]);
    const results = await Promise.all(tokens.map((token) => status(auth, token)));
    assert.equal(results.filter((result) => result === 503).length, tokens.length - 64);
    assert.equal(results.filter((result) => result === 401).length, 64);
  });
});

test("the signal of a credential fires once, at its expiry too, and is forgotten with its connection", async () => {
  await withVerifier({}, async (auth, { clock }) => {
    await auth.ready();
    const listeners = [];
    const socket = { once: (_, listener) => listeners.push(listener) };
    const headers = { authorization: `Bearer ${await issuer.token()}` };
    const users = await Promise.all(Array.from({ length: 20 }, () => auth.authenticate({ method: "GET", headers, socket })));
    for (const user of users) assert.equal(user.ended, user.ended);
    assert.equal(listeners.length, 1);
    listeners[0]();
    issuer.revoke(`session:${ID("s")}`);
    const other = await auth.verify(await issuer.token(issuer.claims({ sid: ID("q") })));
    const ended = new Promise((resolve) => other.ended.addEventListener("abort", resolve));
    await becomes(auth, headers.authorization.slice(7), 401);
    assert.equal(users[0].ended.aborted, false);
    clock.offset = 2000_000;
    await ended;
    assert(["expired", "unavailable"].includes(other.ended.reason.reason));
  });
  issuer.entries = [];
});

test("an application that does not close it can end all the same", async () => {
  const program = `
    import { counterfoil } from "@counterfoil/node";
    const auth = counterfoil({ issuer: ${JSON.stringify(issuer.url)}, audience: "a", algorithms: ["ES256"], verifierKey: ${JSON.stringify(KEY)} });
    await auth.ready();
    console.log(auth.freshness().fresh);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { cwd: fileURLToPath(new URL(".", import.meta.url)) });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  const code = await new Promise((resolve) => child.once("exit", resolve));
  assert.deepEqual([code, output], [0, "true\n"]);
});
