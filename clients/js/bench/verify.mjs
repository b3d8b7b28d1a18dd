// The cost of one verification: this package with a verified token, `jose` and `jsonwebtoken`. In one run, in turns.
// `cargo xtask bench node`
import { setImmediate } from "node:timers/promises";

import { createLocalJWKSet, exportSPKI, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";

import { counterfoil } from "@counterfoil/node";

import { FakeIssuer, ID, KEY } from "../node/test/fake-issuer.mjs";

const TOKENS = 1000;
const ROUNDS = 5;

const issuer = await FakeIssuer.start();
const auth = counterfoil({ issuer: issuer.url, audience: "https://shop.example", algorithms: ["ES256"], verifierKey: KEY });
await auth.ready();
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const id = (index) => letters[index % 62] + letters[Math.floor(index / 62)] + ID("x").slice(2);
const now = issuer.now();
const tokens = await Promise.all(Array.from({ length: TOKENS }, (_, index) => issuer.token(issuer.claims({ sid: id(index), jti: id(index), exp: now + 3600 }))));

const keys = createLocalJWKSet(issuer.jwks);
const pem = await exportSPKI(issuer.keys.publicKey);
const rules = { issuer: issuer.url, audience: "https://shop.example", algorithms: ["ES256"] };
const contenders = {
  "@counterfoil/node": (token) => auth.authenticate({ method: "GET", headers: { authorization: `Bearer ${token}` } }),
  jose: (token) => jwtVerify(token, keys, { ...rules, typ: "at+jwt" }),
  jsonwebtoken: (token) => jsonwebtoken.verify(token, pem, rules),
};

/** Microseconds for each of `count` verifications. */
async function measure(verify, count) {
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    await verify(tokens[index % TOKENS]);
    // The feed needs its turn, as between the requests of a server.
    if (index % 1000 === 999) await setImmediate();
  }
  return ((performance.now() - start) * 1000) / count;
}

const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
async function run(label) {
  for (const name in results) results[name].length = 0;
  for (const verify of Object.values(contenders)) await measure(verify, TOKENS);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, verify] of Object.entries(contenders)) {
      results[name].push(await measure(verify, name.startsWith("@") ? 100 * TOKENS : 3 * TOKENS));
    }
  }
  const medians = Object.entries(results).map(([name, times]) => [name, times.sort((one, two) => one - two)[ROUNDS >> 1]]);
  const own = medians[0][1];
  console.log(label);
  for (const [name, median] of medians) console.log(`  ${name.padEnd(20)} ${median.toFixed(2).padStart(8)} us  ${(median / own).toFixed(0).padStart(5)}x`);
}

await run("no revocations");
for (let index = 0; index < 100_000; index++) {
  issuer.entries.push({ position: ++issuer.head, subject: `session:${id(index % 3844).slice(0, 2)}${String(index).padStart(19, "y")}A`, until: now + 4000 });
}
issuer.revoke(`user:${ID("n")}`);
while (auth.freshness().entries < 100_000) await new Promise((resolve) => setTimeout(resolve, 50));
await run("100,000 revocations");
auth.close();
issuer.close();
