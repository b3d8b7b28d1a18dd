// The verifier and the real server: each kind of revocation, outages, restarts and rotated keys.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { counterfoil } from "@counterfoil/node";

import { Proxy } from "./proxy.mjs";
import { PASSWORD, startIssuer, until } from "./server.mjs";

let issuer, key, auth;
const status = (token, verifier = auth) => verifier.verify(token).then(() => 200, (error) => error.status ?? error);
const options = () => ({ issuer: issuer.url, audience: issuer.url, algorithms: ["ES256"], verifierKey: key, log: () => {} });

before(async () => {
  issuer = await startIssuer();
  await Promise.all(["ada", "bob", "eve"].map((name) => issuer.register(name)));
  key = await issuer.verifierKey();
  auth = counterfoil(options());
  await auth.ready();
});

after(async () => {
  auth?.close();
  await issuer?.close();
});

/** The credentials of a new login in each mode. */
async function credentials(username) {
  const [session, jwt, hybrid] = await Promise.all(["session", "jwt", "hybrid"].map((mode) => issuer.login(username, { mode })));
  return { session: session.session_token, jwt: jwt.access_token, hybrid: hybrid.access_token };
}

test("a logout is in force in all modes", async () => {
  for (const [mode, token] of Object.entries(await credentials("ada"))) {
    const user = await auth.verify(token);
    assert.deepEqual([user.username, user.kind], ["ada", mode === "session" ? "session" : "access"]);
    const ended = new Promise((resolve) => user.ended.addEventListener("abort", resolve));
    await issuer.logout(token);
    await ended;
    assert.deepEqual([user.ended.reason.reason, user.ended.reason.closeCode], ["session_ended", 4401], mode);
    assert.equal(await status(token), 401, mode);
  }
});

test("each subject of a revocation is in force when the wait for the fleet returns", async () => {
  for (const revoke of [
    ({ jwt }) => `session:${jwt.claims.sid}`, ({ jwt }) => `token:${jwt.claims.jti}`, ({ jwt }) => `user:${jwt.claims.sub}`, () => "client:default", () => "everyone",
  ]) {
    const tokens = await credentials("bob");
    const jwt = await auth.verify(tokens.jwt);
    assert.equal(await status(tokens.session), 200);
    const subject = revoke({ jwt });
    await issuer.command("revoke", subject, "--wait", "fleet", "--yes");
    assert.equal(await status(tokens.jwt), 401, subject);
    const isWide = /^(user|client|everyone)/.test(subject);
    assert.equal(await status(tokens.session), isWide ? 401 : 200, subject);
    assert.equal(await status((await credentials("bob")).jwt), 200, subject);
  }
});

test("a password change ends all other sessions, and old tokens of its own", async () => {
  const old = await credentials("eve");
  const current = await issuer.login("eve", { mode: "hybrid" });
  for (const token of [...Object.values(old), current.access_token]) assert.equal(await status(token), 200);
  const body = { current_password: PASSWORD, new_password: `${PASSWORD} again` };
  const response = await issuer.post("/v1/password", body, { authorization: `Bearer ${current.access_token}` });
  assert.equal(response.status, 200);
  const next = await response.json();
  await until(async () => (await status(current.access_token)) === 401, "the token from before is refused");
  for (const token of Object.values(old)) assert.equal(await status(token), 401);
  assert.equal(await status(next.access_token), 200);
});

test("a rotated key verifies at once, and a revoked one never again", async () => {
  const before = (await credentials("ada")).jwt;
  assert.equal(await status(before), 200);
  await issuer.command("key", "rotate", "--now");
  const rotated = (await credentials("ada")).jwt;
  await until(async () => (await status(rotated)) === 200, "a token of the new key");
  assert.equal(await status(before), 200);
  const kid = JSON.parse(Buffer.from(before.split(".")[0], "base64url").toString()).kid;
  await issuer.command("key", "revoke", kid, "--yes");
  await until(async () => (await status(before)) === 401, "the revoked key is refused");
  assert.equal(await status(rotated), 200);
});

test("a verifier that is cut off refuses everything when its lease ends, and knows what it missed when it returns", async () => {
  const proxy = await Proxy.to(issuer.port);
  const cutOff = counterfoil({ ...options(), upstream: proxy.url });
  try {
    await cutOff.ready();
    for (const mode of ["drop", "refuse"]) {
      const { jwt, session } = await credentials("ada");
      assert.deepEqual([await status(jwt, cutOff), await status(session, cutOff)], [200, 200]);
      proxy.cut(mode);
      const started = performance.now();
      await issuer.logout(jwt);
      await issuer.logout(session);
      await until(async () => (await status(jwt, cutOff)) !== 200 && (await status(session, cutOff)) !== 200, "the lease ends");
      // The lease is three seconds, from the sending of the last poll.
      assert(performance.now() - started < 3500, `${performance.now() - started} ms`);
      assert.equal(await status(jwt, cutOff), 503);
      proxy.cut("pass");
      await until(async () => (await status(jwt, cutOff)) === 401, "fresh again");
      assert.equal(await status(session, cutOff), 401);
    }
  } finally {
    cutOff.close();
    proxy.close();
  }
});

test("after a restart of the issuer the verifier continues with what it knows", async () => {
  const [{ jwt }, revoked] = [await credentials("ada"), await credentials("ada")];
  await issuer.command("revoke", `session:${(await auth.verify(revoked.jwt)).sessionId}`, "--wait", "fleet", "--yes");
  await issuer.stop();
  assert.equal(await status(revoked.jwt), 401);
  await issuer.start();
  await until(async () => (await status(jwt)) === 200, "accepted after the restart");
  assert.equal(await status(revoked.jwt), 401);
  const user = await auth.verify(jwt);
  const ended = new Promise((resolve) => user.ended.addEventListener("abort", resolve));
  await issuer.logout(jwt);
  await ended;
});

test("the data of a session is stored at the issuer, for all credentials of the session", async () => {
  const user = await auth.verify((await issuer.login("ada")).session_token);
  assert.deepEqual(await user.data(), {});
  assert.deepEqual(await user.patch({ cart: ["lamp"], theme: "dark" }), { cart: ["lamp"], theme: "dark" });
  assert.deepEqual(await user.patch({ theme: null }), { cart: ["lamp"] });
  await assert.rejects(user.patch({ large: "x".repeat(20_000) }), { status: 413, code: "data_too_large" });
  const other = await auth.verify((await issuer.login("ada", { mode: "jwt" })).access_token);
  assert.deepEqual(await other.data(), {});
});

test("a removed verifier key makes the verifier stale", async () => {
  const other = await issuer.verifierKey("removed");
  const verifier = counterfoil({ ...options(), verifierKey: other });
  try {
    await verifier.ready();
    await issuer.command("verifier", "remove", other.slice(4).split(".")[0]);
    await until(() => !verifier.freshness().fresh, "stale");
    assert.match(verifier.freshness().lastError, /401/);
    assert(!verifier.freshness().lastError.includes(other));
  } finally {
    verifier.close();
  }
});
