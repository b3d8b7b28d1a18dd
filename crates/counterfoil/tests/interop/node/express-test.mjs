// Plays a browser and a client against the application of `docs/express.md`. The issuer is the first argument.
import assert from "node:assert/strict";
import { request } from "node:http";

import { application } from "./express-app.mjs";

const [issuer, password] = process.argv.slice(2);
const server = application(issuer, issuer).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));

/** Sends a request with exactly these headers. */
function send(method, path, headers = {}, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const all = text === undefined ? headers : { "content-type": "application/json", ...headers };
  const options = { host: "127.0.0.1", port: server.address().port, method, path, headers: all };
  return new Promise((resolve, reject) => {
    const sent = request(options, async (answer) => {
      const chunks = await answer.toArray();
      const content = Buffer.concat(chunks).toString();
      const json = content.startsWith("{") ? JSON.parse(content) : undefined;
      resolve({ status: answer.statusCode, headers: answer.headers, json });
    });
    sent.on("error", reject);
    sent.end(text);
  });
}

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const cookies = (answer) => (answer.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
const fromPage = { "sec-fetch-site": "same-origin" };
const fromOtherSite = { "sec-fetch-site": "cross-site", origin: "https://attacker.example" };
const ada = { username: "ada", password };

// Tokens: login, protected route, refresh, logout.
const login = await send("POST", "/login", {}, { ...ada, mode: "hybrid" });
assert.equal(login.status, 200);
assert.equal((await send("GET", "/protected")).status, 401);
assert.equal((await send("GET", "/protected", bearer("a.b.c"))).status, 401);
const me = await send("GET", "/protected", bearer(login.json.access_token));
assert.deepEqual([me.status, me.json.user], [200, login.json.user.id]);
const next = await send("POST", "/refresh", {}, { refresh_token: login.json.refresh_token });
assert.equal(next.status, 200);
assert.notEqual(next.json.refresh_token, login.json.refresh_token);
assert.equal((await send("POST", "/logout", bearer(next.json.access_token))).status, 204);
// A service that has only the public keys accepts the token until it expires; one that asks does not.
assert.equal((await send("GET", "/protected", bearer(next.json.access_token))).status, 200);
assert.equal((await send("GET", "/account", bearer(next.json.access_token))).status, 401);

// Sessions: the cookie goes through the relay in both directions.
const page = await send("POST", "/login", fromPage, { ...ada, transport: "cookie" });
assert.equal(page.status, 200);
assert.equal(page.json.session_token, undefined);
const cookie = cookies(page);
assert.match(page.headers["set-cookie"][0], /; HttpOnly/);
const account = await send("GET", "/account", { cookie });
assert.deepEqual([account.status, account.json.user], [200, "ada"]);
assert.equal((await send("GET", "/account")).status, 401);

// Writes of another site: at the application itself, and through the relay.
assert.equal((await send("POST", "/orders", { cookie, ...fromPage }, { pears: 2 })).status, 201);
assert.equal((await send("POST", "/orders", { cookie, ...fromOtherSite }, { pears: 2 })).status, 403);
assert.equal((await send("POST", "/orders", { cookie, origin: issuer }, { pears: 2 })).status, 201);
assert.equal((await send("POST", "/orders", { cookie }, { pears: 2 })).status, 403);
const forged = await send("POST", "/login", fromOtherSite, { ...ada, transport: "cookie" });
assert.deepEqual([forged.status, forged.json.code], [403, "cross_site"]);
assert.equal((await send("POST", "/logout", { cookie, ...fromOtherSite })).status, 403);

// The answer of Counterfoil arrives as it is.
const wrong = await send("POST", "/login", {}, { username: "ada", password: "wrong" });
assert.deepEqual([wrong.status, wrong.json.code], [401, "invalid_credentials"]);
assert.equal(wrong.headers["content-type"], "application/problem+json");
assert.ok(wrong.headers["x-request-id"]);

// The client's address arrives: the list of sessions shows it.
const forwarded = { "x-forwarded-for": "192.0.2.7" };
const phone = await send("POST", "/login", forwarded, { ...ada, label: "phone" });
const list = await (await fetch(`${issuer}/v1/sessions`, { headers: bearer(phone.json.session_token) })).json();
assert.equal(list.sessions.find((session) => session.label === "phone").ip, "192.0.2.7");

const logout = await send("POST", "/logout", { cookie, ...fromPage });
assert.equal(logout.status, 204);
assert.match(logout.headers["set-cookie"][0], /Max-Age=0/);
assert.equal((await send("GET", "/account", { cookie })).status, 401);

server.close();
console.log("ok");
