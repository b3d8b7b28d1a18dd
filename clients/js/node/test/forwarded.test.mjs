// Express behind a real nginx with the shipped configuration: the application believes the signed assertion, and nothing else.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import express from "express";

import { counterfoil } from "@counterfoil/node";
import { guard, middleware, problems } from "@counterfoil/node/express";

import { hasNginx, HOST, startNginx } from "./nginx.mjs";
import { freePort, startIssuer, until } from "./server.mjs";
import { skipUnless } from "./skip.mjs";

const skip = skipUnless(hasNginx, "clients/js/node/forwarded", "nginx is not installed");
let issuer, auth, application, nginx, direct;

before(async () => {
  if (skip) return;
  const port = await freePort();
  const origin = `https://${HOST}:${port}`;
  issuer = await startIssuer({ COUNTERFOIL_ISSUER: origin, COUNTERFOIL_FORWARD_AUTH_ASSERTION: "true" });
  await issuer.register("ada");
  auth = counterfoil({
    issuer: origin, upstream: issuer.url, audience: origin, algorithms: ["ES256"], verifierKey: await issuer.verifierKey(), log: () => {},
  });
  await auth.ready();
  const app = express();
  app.get("/other", middleware(auth.forwarded({ audience: "https://other.example" })), guard(), (req, res) => res.json({}));
  app.use(middleware(auth.forwarded({ audience: origin })));
  app.get("/protected", guard(), (req, res) => {
    const { username, kind, sessionId } = req.auth;
    res.json({ username, kind, sessionId, assertion: req.headers["remote-assertion"], cookie: req.headers.cookie ?? "" });
  });
  app.get("/admin", guard({ role: "admin" }), (req, res) => res.json({}));
  app.get("/staff", guard({ role: "staff" }), (req, res) => res.json({}));
  app.use(problems);
  application = createServer(app).listen(0, "127.0.0.1");
  await new Promise((resolve) => application.once("listening", resolve));
  direct = `http://127.0.0.1:${application.address().port}`;
  nginx = await startNginx({ port, counterfoil: issuer.port, application: application.address().port });
});

after(async () => {
  await nginx?.close();
  auth?.close();
  application?.closeAllConnections();
  application?.close();
  await issuer?.close();
});

/** The status of a request that has reached the application without the proxy. */
const around = async (headers, path = "/protected") => (await fetch(direct + path, { headers })).status;

test("a user who is logged in at the proxy is the user of the application, until the logout", { skip }, async () => {
  const { session_token: token } = await issuer.login("ada");
  for (const headers of [{ authorization: `Bearer ${token}` }, { cookie: `theme=dark; __Host-session=${token}` }]) {
    const response = await nginx.get("/protected", headers);
    assert.equal(response.status, 200, response.body);
    const { username, kind, cookie } = JSON.parse(response.body);
    assert.deepEqual([username, kind], ["ada", "forwarded"]);
    assert(!cookie.includes(token));
    assert.equal((await nginx.get("/admin", headers)).status, 403);
  }
  const headers = { authorization: `Bearer ${token}` };
  const { assertion } = JSON.parse((await nginx.get("/protected", headers)).body);
  assert.equal(await around({ "remote-assertion": assertion }), 200);
  await issuer.logout(token);
  assert.equal((await nginx.get("/protected", headers)).status, 401);
  // An assertion that the proxy has passed on before is refused as soon as the feed reports the revocation.
  await until(async () => (await around({ "remote-assertion": assertion })) === 401, "the revocation is in force");
});

test("an assertion from before a revocation of the user, the client or everyone is refused when it is presented again", { skip }, async () => {
  const user = await issuer.register("eve");
  for (const subject of [`user:${user.id}`, "client:default", "everyone"]) {
    const headers = { authorization: `Bearer ${(await issuer.login("eve")).session_token}` };
    const assertionOf = async () => JSON.parse((await nginx.get("/protected", headers)).body).assertion;
    const before = await assertionOf();
    assert.equal(await around({ "remote-assertion": before }), 200, subject);
    await issuer.command("revoke", subject, "--wait", "fleet", "--yes");
    assert.equal(await around({ "remote-assertion": before }), 401, subject);
    assert.equal((await nginx.get("/protected", headers)).status, 401, subject);
    // A login in the same second is a later one.
    headers.authorization = `Bearer ${(await issuer.login("eve")).session_token}`;
    assert.equal(await around({ "remote-assertion": await assertionOf() }), 200, subject);
  }
});

test("after a change of the roles a session continues, and its assertion from before does not", { skip }, async () => {
  await issuer.register("mia");
  const headers = { authorization: `Bearer ${(await issuer.login("mia")).session_token}` };
  await issuer.command("user", "roles", "mia", "staff");
  assert.equal((await nginx.get("/staff", headers)).status, 200);
  const { assertion } = JSON.parse((await nginx.get("/protected", headers)).body);
  assert.equal(await around({ "remote-assertion": assertion }, "/staff"), 200);
  await issuer.command("user", "roles", "mia", "--clear");
  await until(async () => (await around({ "remote-assertion": assertion }, "/staff")) === 401, "the former roles are refused");
  assert.equal((await nginx.get("/protected", headers)).status, 200);
  assert.equal((await nginx.get("/staff", headers)).status, 403);
});

test("headers of a client decide nothing, neither through the proxy nor around it", { skip }, async () => {
  const forged = { "remote-user": "root", "remote-groups": "admin", "remote-subject": "x" };
  const { session_token: token } = await issuer.login("ada");
  const headers = { authorization: `Bearer ${token}` };
  for (const name of ["remote-assertion", "Remote_Assertion", "remote.assertion"]) {
    const own = { ...forged, [name]: "eyJhbGciOiJub25lIn0.e30." };
    assert.equal((await nginx.get("/protected", own)).status, 401);
    const response = await nginx.get("/protected", { ...headers, ...own });
    assert.deepEqual([response.status, JSON.parse(response.body).username], [200, "ada"], name);
    assert.equal((await nginx.get("/admin", { ...headers, ...own })).status, 403);
  }
  assert.equal(await around(forged), 401);
  assert.equal(await around({ ...forged, "remote-assertion": "eyJhbGciOiJub25lIn0.e30." }), 401);
  // A credential of the issuer is none for a route that believes the proxy.
  assert.equal(await around(headers), 401);
});

test("an assertion is for one application, and is no access token", { skip }, async () => {
  const { session_token: token } = await issuer.login("ada");
  const { assertion } = JSON.parse((await nginx.get("/protected", { authorization: `Bearer ${token}` })).body);
  assert.equal(await around({ "remote-assertion": assertion }), 200);
  assert.equal(await around({ "remote-assertion": assertion }, "/other"), 401);
  await assert.rejects(auth.verify(assertion), { status: 401 });
  assert.equal((await nginx.get("/protected", { authorization: `Bearer ${assertion}` })).status, 401);
  const access = (await issuer.login("ada", { mode: "jwt" })).access_token;
  assert.equal(await around({ "remote-assertion": access }), 401);
});
