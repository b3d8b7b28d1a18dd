// The package in real pages of Chromium, with a real issuer behind the site.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { PASSWORD, startIssuer, until } from "../../node/test/server.mjs";
import { skipUnless } from "../../node/test/skip.mjs";
import { CHROMIUM, launch, open, startSite } from "./pages.mjs";

const skip = skipUnless(existsSync(CHROMIUM), "clients/js/browser", "chromium is not installed");
let issuer, site, browser, verifierKey;

before(async () => {
  if (skip) return;
  issuer = await startIssuer();
  await Promise.all(["ada", "bob", "eve"].map((name) => issuer.register(name)));
  verifierKey = await issuer.verifierKey();
  site = await startSite(issuer, verifierKey);
  // The issuer trusts the origin of the site.
  await issuer.stop("SIGTERM");
  issuer.env.COUNTERFOIL_TRUSTED_ORIGINS = site.url;
  await issuer.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.close();
  await issuer?.close();
});

/** Runs a test with a new profile of the browser. */
async function withProfile(run) {
  const context = await browser.newContext();
  site.requests.length = 0;
  try {
    await run(context);
  } finally {
    site.onRequest = undefined;
    await context.close();
  }
}

const login = (page, username = "ada", password = PASSWORD) => page.evaluate(([username, password]) => auth.login({ username, password }), [username, password]);
const orders = (page) => page.evaluate(async () => (await auth.fetch("/orders")).status);
const state = (page) => page.evaluate(() => auth.state);
const stored = (page) => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
/** As if the access token had expired: the browser removes its cookie. */
const expire = (context) => context.clearCookies({ name: "counterfoil-access" });

test("login, a protected route and logout in each mode, with nothing secret in storage", { skip }, async () => {
  for (const mode of ["session", "jwt", "hybrid"]) {
    await withProfile(async (context) => {
      const page = await open(context, site, { mode });
      assert.equal((await page.evaluate(() => auth.start())).state, "out");
      assert.equal(await orders(page), 401);
      const user = await login(page);
      assert.equal(user.username, "ada");
      assert.equal(await orders(page), 200, mode);
      const write = await page.evaluate(async () => (await auth.fetch("/orders", { method: "POST", body: "{}" })).json());
      assert.deepEqual(write, { of: "ada", method: "POST" });
      const cookies = await context.cookies();
      const texts = await stored(page);
      assert(cookies.length > 0 && cookies.every(({ httpOnly }) => httpOnly));
      for (const { value } of cookies) assert(!texts.includes(value) && !texts.includes(value.split(".").at(-1)));
      assert(!/cf[sr]_|eyJ/.test(texts), texts);
      const other = await open(context, site, { mode });
      assert.deepEqual((await other.evaluate(() => auth.start())).user.username, "ada");
      await page.evaluate(() => auth.logout());
      assert.equal(await state(page), "out");
      await until(async () => (await state(other)) === "out", "the other tab is logged out");
      assert.equal((await other.evaluate(() => changes.at(-1))).reason, "by_user");
      assert.equal(await orders(other), 401);
    });
  }
});

test("eight tabs whose token has expired make one refresh", { skip }, async () => {
  await withProfile(async (context) => {
    const tabs = await Promise.all(Array.from({ length: 8 }, () => open(context, site, { mode: "hybrid" })));
    await login(tabs[0]);
    for (let round = 1; round <= 3; round++) {
      await expire(context);
      const results = await Promise.all(tabs.map((tab) => tab.evaluate(async () => {
        const answers = await Promise.all([1, 2, 3, 4].map(() => auth.fetch("/orders")));
        return answers.map(({ status }) => status);
      })));
      assert.deepEqual(results.flat(), Array(32).fill(200));
      assert.equal(site.count("POST /v1/refresh"), round);
    }
  });
});

test("a refresh comes before the expiry, on use, and no hidden tab has a timer", { skip }, async () => {
  await withProfile(async (context) => {
    const page = await open(context, site, { mode: "hybrid" });
    await login(page);
    await page.evaluate(() => {
      const key = "counterfoil:";
      const times = JSON.parse(localStorage.getItem(key));
      localStorage.setItem(key, JSON.stringify({ ...times, received: Date.now() - 890_000, expires: Date.now() + 10_000 }));
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(site.count("POST /v1/refresh"), 0);
    assert.equal(await orders(page), 200);
    assert.equal(site.count("POST /v1/refresh"), 1);
    assert.equal(await orders(page), 200);
    assert.equal(site.count("POST /v1/refresh"), 1);
  });
});

test("a lock that another tab never gives back delays a refresh by two seconds", { skip }, async () => {
  await withProfile(async (context) => {
    const [page, holder] = [await open(context, site, { mode: "hybrid" }), await open(context, site, { mode: "hybrid" })];
    await login(page);
    await holder.evaluate(() => new Promise((locked) => void navigator.locks.request("counterfoil:", () => (locked(), new Promise(() => {})))));
    await expire(context);
    const start = performance.now();
    assert.equal(await orders(page), 200);
    assert(performance.now() - start > 1500);
  });
});

test("without Web Locks the server gives all tabs the same successor", { skip }, async () => {
  await withProfile(async (context) => {
    await context.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
    const tabs = await Promise.all(Array.from({ length: 8 }, () => open(context, site, { mode: "hybrid" })));
    await login(tabs[0]);
    await expire(context);
    assert.deepEqual(await Promise.all(tabs.map(orders)), Array(8).fill(200));
    assert.deepEqual(await Promise.all(tabs.map((tab) => tab.evaluate(async () => (await auth.start()).state))), Array(8).fill("in"));
  });
});

test("an outage is no logout: 503 and lost connections give the state `stale`", { skip }, async () => {
  await withProfile(async (context) => {
    const page = await open(context, site, { mode: "hybrid" });
    await login(page);
    await expire(context);
    for (const outage of [(res) => res.status(503).set("retry-after", "1").end(), (res) => res.status(500).end(), (res) => res.destroy()]) {
      site.onRequest = (req, res) => req.path === "/v1/refresh" && (outage(res), true);
      assert.equal(await orders(page), 401);
      assert.equal(await state(page), "stale");
      site.onRequest = undefined;
      assert.equal(await orders(page), 200);
      assert.equal(await state(page), "in");
      await expire(context);
    }
    let refused = 0;
    site.onRequest = (req, res) => req.path === "/v1/refresh" && refused++ === 0 && (res.status(429).set("retry-after", "1").end(), true);
    assert.equal(await orders(page), 200);
    assert.equal(await state(page), "in");
  });
});

test("a 401 of the application is no logout, and one of the issuer is", { skip }, async () => {
  await withProfile(async (context) => {
    const page = await open(context, site);
    await login(page, "bob");
    assert.equal(await page.evaluate(async () => (await auth.fetch("/forbidden")).status), 401);
    await until(() => site.count("GET /v1/me") > 0, "the issuer is asked");
    assert.equal(await state(page), "in");
    const [{ id }] = await page.evaluate(() => auth.sessions());
    await issuer.command("revoke", `session:${id}`, "--wait", "fleet", "--yes");
    assert.equal(await orders(page), 401);
    await until(async () => (await state(page)) === "out", "logged out");
    assert.equal((await page.evaluate(() => changes.at(-1))).reason, "ended");
  });
});

test("a logout that the issuer could not do throws, and a refresh in progress does not log in again", { skip }, async () => {
  await withProfile(async (context) => {
    const page = await open(context, site, { mode: "hybrid" });
    await login(page);
    site.onRequest = (req, res) => req.path === "/v1/logout" && (res.status(503).end(), true);
    assert.equal(await page.evaluate(() => auth.logout().catch((error) => error instanceof AuthError && error.status)), 503);
    assert.equal(await state(page), "in");
    await expire(context);
    let go;
    site.onRequest = (req, res) => {
      if (req.path !== "/v1/refresh" || go) return false;
      go = () => res.json({ expires_in: 900 });
      return true;
    };
    const late = page.evaluate(async () => (await auth.fetch("/orders")).status);
    await until(() => go, "a refresh in progress");
    await page.evaluate(() => auth.logout());
    go();
    assert.equal(await late, 401);
    assert.equal(await state(page), "out");
    assert.equal((await stored(page)).includes("counterfoil:"), false);
  });
});

test("a stream is sent once, and no credential is sent to another origin", { skip }, async () => {
  await withProfile(async (context) => {
    const page = await open(context, site, { mode: "hybrid" });
    await login(page);
    await expire(context);
    const before = site.count("POST /orders");
    const status = await page.evaluate(async () => {
      const request = new Request("/orders", { method: "POST", body: "{}" });
      return (await auth.fetch(request)).status;
    });
    assert.deepEqual([status, site.count("POST /orders") - before, site.count("POST /v1/refresh")], [401, 1, 0]);
    assert.equal(await orders(page), 200);
    const seen = [];
    const other = createServer((req, res) => {
      seen.push(req.headers);
      res.setHeader("access-control-allow-origin", "*");
      res.setHeader("access-control-allow-headers", "authorization");
      res.end("{}");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const url = `http://127.0.0.1:${other.address().port}/`;
    await page.evaluate((url) => auth.fetch(url), url);
    assert.equal(seen.length, 1);
    assert.equal(seen[0].authorization, undefined);
    // A listed origin gets an access token for its audience, one for many requests.
    const api = await open(context, site, { mode: "hybrid", origins: { [new URL(url).origin]: { audience: "https://api.example" } } });
    await api.evaluate((url) => Promise.all([1, 2, 3].map(() => auth.fetch(url))), url);
    const tokens = seen.map((headers) => headers.authorization).filter(Boolean);
    assert.equal(tokens.length, 3);
    const claims = JSON.parse(Buffer.from(tokens[0].split(".")[1], "base64url").toString());
    assert.deepEqual([claims.aud, new Set(tokens).size, site.count("POST /v1/token")], ["https://api.example", 1, 1]);
    other.closeAllConnections();
    other.close();
  });
});

test("the transport `bearer` keeps its tokens in the memory of the tab", { skip }, async () => {
  await withProfile(async (context) => {
    for (const mode of ["session", "jwt", "hybrid"]) {
      const page = await open(context, site, { mode, transport: "bearer" });
      await login(page, "eve");
      assert.equal(await orders(page), 200, mode);
      assert.deepEqual(await context.cookies(), []);
      assert.equal(await stored(page), '[{},{},""]');
      await page.evaluate(() => auth.logout());
      assert.equal(await orders(page), 401);
      await page.close();
    }
  });
});

test("register, sessions and a password change, in all tabs", { skip }, async () => {
  await withProfile(async (context) => {
    const [page, other] = [await open(context, site, { mode: "hybrid" }), await open(context, site, { mode: "hybrid" })];
    const user = await page.evaluate((password) => auth.register({ username: "zoe", password }), PASSWORD);
    assert.equal(user.username, "zoe");
    assert.equal(await page.evaluate((password) => auth.register({ username: "zoe", password }).catch((error) => error.code), PASSWORD), "username_taken");
    assert.equal(await login(page, "zoe", "wrong").catch((error) => /the username or the password/i.test(error.message)), true);
    await login(page, "zoe");
    await issuer.login("zoe");
    await issuer.login("zoe");
    assert.equal((await page.evaluate(() => auth.sessions())).length, 3);
    await page.evaluate(async () => {
      const one = (await auth.sessions()).find(({ current }) => !current);
      await auth.endSession(one.id);
    });
    await page.evaluate(() => auth.endOtherSessions());
    assert.equal((await page.evaluate(() => auth.sessions())).length, 1);
    const next = `${PASSWORD} again`;
    assert.equal(await page.evaluate((next) => auth.changePassword({ current_password: "wrong", new_password: next }).catch((error) => error.code), next), "invalid_credentials");
    assert.equal(site.count("POST /v1/refresh"), 0);
    await page.evaluate(([old, next]) => auth.changePassword({ current_password: old, new_password: next }), [PASSWORD, next]);
    assert.equal(await orders(page), 200);
    assert.equal(await orders(other), 200);
    await page.evaluate(() => auth.logout({ everywhere: true }));
    await until(async () => (await state(other)) === "out", "the other tab is logged out");
  });
});

test("on a server it never refreshes and never logs in", async () => {
  const { createClient } = await import("@counterfoil/browser");
  const auth = createClient({ issuer: "http://127.0.0.1:9", mode: "hybrid" });
  assert.deepEqual(await auth.start(), { state: "unknown", user: null, reason: null });
  await assert.rejects(auth.login({ username: "a", password: "b" }), TypeError);
});
