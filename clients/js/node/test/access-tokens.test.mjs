// Access tokens that must be refused, and what must be true of those that are accepted.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import { base64url, CompactEncrypt, exportJWK, exportSPKI, generateKeyPair, importJWK } from "jose";

import { counterfoil, Problem } from "@counterfoil/node";

import { FakeIssuer, ID, KEY, TestClock } from "./fake-issuer.mjs";
import { until } from "./server.mjs";
import { skipUnless } from "./skip.mjs";

let issuer, auth;
const clock = new TestClock();
const quiet = { log: () => {} };

const options = (from = issuer) => ({
  issuer: from.url, audience: "https://shop.example", algorithms: ["ES256"], verifierKey: KEY, clock, ...quiet,
});

before(async () => {
  issuer = await FakeIssuer.start();
  auth = counterfoil(options());
  await auth.ready();
});

after(() => {
  auth.close();
  issuer.close();
});

const status = (token, verifier = auth) => verifier.verify(token).then(() => 200, (error) => {
  assert(error instanceof Problem, inspect(error));
  return error.status;
});

/** A compact JWS of texts, with a signature that the test chooses. */
const compact = (header, payload, signature = "AA") =>
  [header, payload].map((part) => base64url.encode(typeof part === "string" ? part : JSON.stringify(part))).join(".") + `.${signature}`;

/** Signs the exact text of a payload with the key of the issuer. */
async function signText(payload, header = { alg: "ES256", typ: "at+jwt", kid: "one" }) {
  const input = [header, payload].map((part) => base64url.encode(typeof part === "string" ? part : JSON.stringify(part))).join(".");
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, issuer.keys.privateKey, Buffer.from(input));
  return `${input}.${base64url.encode(new Uint8Array(signature))}`;
}

test("a valid token gives its claims, frozen", async () => {
  const user = await auth.verify(await issuer.token());

  assert.equal(user.subject, ID("u"));
  assert.deepEqual([user.kind, user.username, user.sessionId, user.clientId], ["access", "ada", ID("s"), "default"]);
  assert(user.hasRole("clerk") && user.hasScope("orders:read") && !user.hasScope("orders"));
  assert.throws(() => user.claims.roles.push("admin"), TypeError);
  assert.throws(() => { user.claims.sub = "other"; }, TypeError);
});

test("a verifier needs algorithms, an audience and a safe URL", () => {
  for (const wrong of [
    { algorithms: [] }, { algorithms: undefined }, { algorithms: ["none"] }, { algorithms: ["HS256"] }, { audience: undefined },
    { audience: [] }, { issuer: "http://auth.example" }, { issuer: "file:///etc/keys" }, { issuer: "data:,x" }, { issuer: "https://a.example/" },
    { issuer: "https://u:p@a.example" }, { issuer: "http://127.0.0.1.evil.example" }, { upstream: "http://10.0.0.1" }, { upstream: "ftp://localhost" },
    { verifierKey: "secret" }, { origins: ["https://shop.example/"] }, { origins: ["null"] }, { stale: "accept" }, { cacheSize: 0 },
  ]) {
    assert.throws(() => counterfoil({ ...options(), ...wrong }), TypeError, inspect(wrong));
  }
});

test("the token never chooses the algorithm", async () => {
  const claims = issuer.claims();
  const { privateKey: rsa } = await generateKeyPair("RS256");
  const { privateKey: other } = await generateKeyPair("ES256");
  const spki = await exportSPKI(issuer.keys.publicKey);
  const jwk = JSON.stringify(issuer.jwks.keys[0]);
  const der = Buffer.from(spki.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const tokens = [await issuer.token(claims, {}, other), await issuer.token(claims, { alg: "RS256" }, rsa)];
  for (const alg of ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "ES384", "es256", null, 1, ["ES256"]]) {
    tokens.push(compact({ alg, typ: "at+jwt", kid: "one" }, claims), compact({ alg, typ: "at+jwt" }, claims));
  }
  tokens.push(compact({ alg: "none", typ: "at+jwt" }, claims, ""), compact({ typ: "at+jwt", kid: "one" }, claims));
  // Every text of a public key that a library could take for a shared secret.
  const pkcs1 = generateKeyPairSync("rsa", { modulusLength: 2048, publicKeyEncoding: { type: "pkcs1", format: "pem" } }).publicKey;
  const raw = createPublicKey(spki).export({ format: "der", type: "spki" }).subarray(-65);
  for (const secret of ["", spki, spki.trim(), spki.replaceAll("\n", ""), der, der.toString("base64"), jwk, pkcs1, raw]) {
    for (const [alg, hash] of [["HS256", "sha256"], ["HS512", "sha512"], ["ES256", "sha256"]]) {
      const unsigned = compact({ alg, typ: "at+jwt", kid: "one" }, claims).slice(0, -3);
      tokens.push(`${unsigned}.${createHmac(hash, secret).update(unsigned).digest("base64url")}`);
    }
  }
  for (const token of tokens) assert.equal(await status(token), 401, token);
});

test("a key for another algorithm, without one, or with a shared secret verifies nothing else", async () => {
  const own = await FakeIssuer.start();
  const rsa = await generateKeyPair("RS256", { extractable: true });
  const { alg, ...withoutAlg } = own.jwks.keys[0];
  const rsaKey = { ...(await exportJWK(rsa.publicKey)), kid: "rsa" };
  const secret = { kty: "oct", k: base64url.encode("s".repeat(32)), kid: "oct", alg: "HS256" };
  own.jwks.keys = [withoutAlg, rsaKey, secret, { ...own.jwks.keys[0], kid: "enc", use: "enc" }, { ...own.jwks.keys[0], kid: "384", alg: "ES384" },
    null, 7, "key", [], { kty: "EC" }, { ...own.jwks.keys[0], kid: "__proto__x", x: "!!" }];
  const verifier = counterfoil({ ...options(own), algorithms: ["ES256", "RS256", "PS256"] });
  try {
    assert.equal(await status(await own.token(), verifier), 200);
    // An RSA key that could be for two of the allowed algorithms is for none.
    assert.equal(await status(await own.token(own.claims(), { alg: "RS256", kid: "rsa" }, rsa.privateKey), verifier), 401);
    for (const kid of ["enc", "384", "oct", "__proto__x", "__proto__", "constructor", "toString"]) {
      assert.equal(await status(await own.token(own.claims(), { kid }), verifier), 401, kid);
    }
    // A shared secret of the set, and the empty one of a key that has none (CVE-2026-44699).
    for (const [kid, shared] of [["oct", "s".repeat(32)], ["rsa", ""], ["one", ""]]) {
      const unsigned = compact({ alg: "HS256", typ: "at+jwt", kid }, own.claims()).slice(0, -3);
      const signature = createHmac("sha256", shared).update(unsigned).digest("base64url");
      assert.equal(await status(`${unsigned}.${signature}`, verifier), 401, kid);
    }
  } finally {
    verifier.close();
    own.close();
  }
});

test("the algorithm of the key counts, and not that of the header", async () => {
  // An allowed name in the header, and a signature by the real algorithm of a key that is not allowed (CVE-2026-48523).
  const own = await FakeIssuer.start("ES384");
  own.jwks.keys.push({ ...issuer.jwks.keys[0], kid: "two" });
  const verifier = counterfoil(options(own));
  try {
    for (const kid of ["one", "two", undefined]) {
      const input = compact({ alg: "ES256", typ: "at+jwt", kid }, own.claims()).slice(0, -3);
      const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-384" }, own.keys.privateKey, Buffer.from(input));
      assert.equal(await status(`${input}.${base64url.encode(new Uint8Array(signature))}`, verifier), 401, kid);
    }
  } finally {
    verifier.close();
    own.close();
  }
});

test("two different keys with one id are both left out", async () => {
  const own = await FakeIssuer.start();
  const other = await generateKeyPair("ES256", { extractable: true });
  own.jwks.keys.push({ ...(await exportJWK(other.publicKey)), kid: "one", alg: "ES256" });
  own.jwks.keys.push({ ...own.jwks.keys[0], kid: "two" });
  const verifier = counterfoil(options(own));
  try {
    assert.equal(await status(await own.token(), verifier), 401);
    assert.equal(await status(await own.token(own.claims(), {}, other.privateKey), verifier), 401);
    assert.equal(await status(await own.token(own.claims(), { kid: "two" }), verifier), 200);
  } finally {
    verifier.close();
    own.close();
  }
});

test("a header names no key, no URL, no extension and no other type", async () => {
  const mine = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(mine.publicKey);
  const claims = issuer.claims();
  const before = issuer.requests.length;
  const forged = [
    [{ jwk }, mine.privateKey], [{ jku: `${issuer.url}/canary` }, mine.privateKey], [{ x5u: `${issuer.url}/canary` }, mine.privateKey],
    [{ x5c: ["AAAA"] }, mine.privateKey], [{ kid: "../../etc/passwd" }], [{ kid: "one' OR '1'='1" }], [{ kid: "" }], [{ kid: `${issuer.url}/canary` }],
    [{ typ: "JWT" }], [{ typ: undefined }], [{ typ: "logout+jwt" }], [{ typ: "forward+jwt" }],
  ];
  for (const [header, key] of forged) assert.equal(await status(await issuer.token(claims, header, key), auth), 401, inspect(header));
  for (const header of [{ crit: ["x"], x: 1 }, { crit: ["b64"], b64: true }, { crit: [] }, { b64: false }]) {
    assert.equal(await status(await signText(claims, { alg: "ES256", typ: "at+jwt", kid: "one", ...header })), 401, inspect(header));
  }
  // A claim leads to no request either (CVE-2026-32301).
  const canary = `${issuer.url}/canary`;
  assert.equal(await status(await issuer.token({ ...claims, iss: canary, jku: canary, sub: "{canary}" })), 401);
  for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt"]) assert.equal(await status(await issuer.token(claims, { typ })), 200, typ);
  assert.equal(issuer.requests.slice(before).filter(({ path }) => path === "/canary").length, 0);
});

test("claims have one type, once", async () => {
  const now = issuer.now();
  const wrong = [
    { iss: "https://other.example" }, { iss: `${issuer.url}/` }, { iss: [issuer.url] }, { aud: "https://other.example" }, { aud: [] }, { aud: {} },
    { aud: ["https://shop.example", 1] }, { sub: "" }, { sub: 1 }, { sub: undefined }, { exp: String(now + 900) }, { exp: true }, { exp: null },
    { exp: now + 900.5 }, { exp: 1e300 }, { exp: undefined }, { iat: undefined }, { nbf: "x" }, { nbf: now + 300 }, { nbf: null }, { iat: now + 300, exp: now + 400 },
    { exp: now - 100, iat: now - 200 }, { exp: now + 7200 }, { exp: now - 1, iat: now + 5 }, { jti: "x" }, { sid: "x" }, { sid: `${"s".repeat(21)}B` }, { pos: undefined },
    { pos: "7" }, { pos: 1.5 }, { pos: -1 }, { pos: 2 ** 53 }, { client_id: "" }, { client_id: "a b" }, { roles: "admin" }, { roles: [1] }, { scope: ["a"] },
    { amr: "pwd" }, { auth_time: undefined }, { cnf: { jkt: "x" } }, { preferred_username: 7 },
  ];
  for (const change of wrong) assert.equal(await status(await signText(issuer.claims(change))), 401, inspect(change));

  const text = JSON.stringify(issuer.claims());
  const texts = [
    text.replace("{", `{"sub":"${ID("x")}",`), text.replace("{", `{"\\u0073ub":"${ID("x")}",`), text.replace("{", '{"x":{"a":1,"a":2},'),
    text.replace("{", '{"__proto__":{"roles":["admin"]},'), text.replace("{", '{"x":[{"__proto__":1}],'), "[]", "null", "1", '"x"', "", `${text} x`, `\ufeff${text}`,
    "[".repeat(100_00),
  ];
  for (const payload of texts) assert.equal(await status(await signText(payload)), 401, payload.slice(0, 80));
  assert.equal({}.roles, undefined);
  const user = await auth.verify(await signText(text.replace("{", '{"constructor":{"prototype":{"isAdmin":true}},"toString":1,')));
  assert.equal({}.isAdmin, undefined);
  assert.equal(user.hasRole("admin"), false);
});

test("text that is no compact token is refused, quickly", async () => {
  const token = await issuer.token();
  const [header, payload, signature] = token.split(".");
  const { publicKey } = await generateKeyPair("ECDH-ES");
  const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify(issuer.claims()))).setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", typ: "at+jwt" }).encrypt(publicKey);
  const texts = [
    "", ".", "..", "...", ".".repeat(10_000_000), "a".repeat(10_000_000), `${header}.${payload}`, `${header}.${payload}.`, `.${payload}.${signature}`, `${token}.x`,
    `${token}=`, ` ${token}`, `${token}\n`, `${header}.${payload}.${signature}%00`, `${header}..${signature}`, jwe, JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
    `${header}.${payload}.${"A".repeat(86)}`, `${header}.${payload}.${signature.slice(0, -1)}`, `${header}.${base64url.encode("x".repeat(9000))}.${signature}`,
    compact({ alg: "PBES2-HS256+A128KW", enc: "A128GCM", p2c: 2_000_000_000, p2s: "AA", typ: "at+jwt" }, "x"), compact({ zip: "DEF", alg: "dir", enc: "A128GCM" }, "x"),
    `${header}.${payload}.${signature.replace(/.$/, (last) => (last === "A" ? "B" : String.fromCharCode(last.charCodeAt(0) + 1)))}`,
  ];
  const start = performance.now();
  for (const text of texts) assert.equal(await status(text), 401, text.slice(0, 60));
  assert(performance.now() - start < 5000);
});

test("an issuer that answers a byte at a time does not hold a request for longer than the limit of an answer", async (t) => {
  const own = await FakeIssuer.start();
  t.after(() => own.close());
  let isAnswering = true;
  own.onKeys = (res) => {
    res.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => res.write(" "), 20);
    res.on("close", () => (clearInterval(timer), (isAnswering = false)));
  };
  const { now } = performance;
  let offset = 0;
  performance.now = () => now.call(performance) + offset;
  t.after(() => delete performance.now);
  const verifier = counterfoil({ ...options(own), verifierKey: undefined });
  const answered = status(await own.token(), verifier);
  await until(() => own.requests.length > 0, "the keys are fetched");
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert(isAnswering);
  offset = 21_000;
  assert.equal(await answered, 503);
  await until(() => !isAnswering, "the connection is closed");
});

test("a signature of zeros verifies nothing", async () => {
  const unsigned = (await issuer.token()).split(".").slice(0, 2).join(".");
  const order = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");
  for (const signature of [Buffer.alloc(64), Buffer.concat([Buffer.alloc(63), Buffer.from([1])]), Buffer.concat([order, order]), Buffer.alloc(0), Buffer.alloc(72, 48)]) {
    assert.equal(await status(`${unsigned}.${signature.toString("base64url")}`), 401);
  }
});

test("a cached token gives its own claims, and its times are checked at each use", async () => {
  const tokens = await Promise.all([..."abcdefgh"].map((letter) => issuer.token(issuer.claims({ sub: ID(letter) }))));
  for (let round = 0; round < 3; round++) {
    for (const [index, token] of tokens.entries()) assert.equal((await auth.verify(token)).subject, ID("abcdefgh"[index]));
  }
  // The same token with another signature, and a prefix of it, are other tokens.
  assert.equal(await status(tokens[0].slice(0, -4)), 401);
  assert.equal(await status(tokens[0].replace(/[^.]+$/, tokens[1].split(".")[2])), 401);

  clock.offset = 2000_000;
  assert.notEqual(await status(tokens[0]), 200);
  clock.offset = 0;
  await until(async () => (await status(tokens[0])) === 200, "the lease is renewed after the jump");
});

test("the cache is bounded, and gives no token the claims of another one", async () => {
  const verifier = counterfoil({ ...options(), cacheSize: 4 });
  // They differ in some characters in the middle only, and leave the cache all the time.
  const tokens = await Promise.all(Array.from({ length: 200 }, (_, index) => issuer.token(issuer.claims({ auth_time: index }))));
  for (let round = 0; round < 2; round++) {
    for (const [index, token] of tokens.entries()) assert.equal((await verifier.verify(token)).authTime, index);
    for (let index = tokens.length - 1; index >= 0; index--) assert.equal((await verifier.verify(tokens[index])).authTime, index);
  }
  verifier.close();
});

test("all invalid tokens get the same answer, which contains nothing of them", async () => {
  const tokens = [await issuer.token(issuer.claims({ exp: 1, iat: 0 })), await issuer.token(issuer.claims({ aud: "x" })), "secret-text", "cfs_secret-text"];
  const answers = [];
  for (const token of tokens) {
    const error = await auth.verify(token).catch((problem) => problem);
    answers.push(JSON.stringify([error.status, error.headers, error]));
    assert(!inspect(error, { depth: 9, showHidden: true }).includes(token));
  }
  assert.equal(new Set(answers).size, 1);
});

test("no secret is shown by any object", async () => {
  const token = await issuer.token();
  const user = await auth.authenticate({ method: "GET", headers: { authorization: `Bearer ${token}` } });
  assert.equal(inspect(user.ended.aborted), "false");
  for (const shown of [auth, user, user.ended, auth.freshness()]) {
    for (const text of [inspect(shown, { depth: 20, showHidden: true, getters: true }), JSON.stringify(shown) ?? ""]) {
      assert(!text.includes(token) && !text.includes(token.split(".")[2]) && !text.includes(KEY.slice(-20)), text.slice(0, 200));
    }
  }
});

test("keys of all allowed algorithms verify", async () => {
  for (const algorithm of ["ES384", "ES512", "EdDSA", "RS256", "PS384"]) {
    const own = await FakeIssuer.start(algorithm);
    const verifier = counterfoil({ ...options(own), algorithms: [algorithm] });
    try {
      assert.equal(await status(await own.token(), verifier), 200, algorithm);
      assert.equal(await status(await own.token(own.claims(), { kid: undefined }), verifier), 200, algorithm);
      assert.equal(await status(await issuer.token(own.claims(), { kid: "one" }), verifier), 401, algorithm);
    } finally {
      verifier.close();
      own.close();
    }
  }
});

test("a weak RSA key verifies nothing", async () => {
  const own = await FakeIssuer.start("RS256");
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  own.jwks.keys = [{ ...publicKey.export({ format: "jwk" }), kid: "weak", alg: "RS256" }, ...own.jwks.keys];
  const verifier = counterfoil({ ...options(own), algorithms: ["RS256"] });
  try {
    const { sign } = await import("node:crypto");
    const input = compact({ alg: "RS256", typ: "at+jwt", kid: "weak" }, own.claims()).slice(0, -3);
    assert.equal(await status(`${input}.${sign("sha256", Buffer.from(input), privateKey).toString("base64url")}`, verifier), 401);
    assert.equal(await status(await own.token(), verifier), 200);
  } finally {
    verifier.close();
    own.close();
  }
});

test("without a verifier key tokens are verified by signature, and session tokens are refused", async () => {
  const lines = [];
  const verifier = counterfoil({ ...options(), verifierKey: undefined, log: (line) => lines.push(line) });
  assert.equal(await status(await issuer.token(), verifier), 200);
  assert.equal(await status(`cfs_${ID("s")}.${"s".repeat(42)}A`, verifier), 401);
  assert.equal(lines.length, 1);
  assert.equal(verifier.freshness(), null);
});

const skip = skipUnless(process.env.COUNTERFOIL_VECTORS, "clients/js/node/access-tokens", "COUNTERFOIL_VECTORS is not set");

test("no published hostile token is accepted, and none is an outage", { skip }, async () => {
  const { testGroups } = JSON.parse(readFileSync(`${process.env.COUNTERFOIL_VECTORS}/wycheproof/json_web_signature_test.json`, "utf8"));
  const own = await FakeIssuer.start();
  let count = 0;
  for (const { public: jwk, private: secret, tests } of testGroups) {
    own.jwks.keys = [own.jwks.keys[0], { ...(jwk ?? secret), kid: (jwk ?? secret)?.kid ?? "vector" }];
    const verifier = counterfoil({ ...options(own), verifierKey: undefined, algorithms: ["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"] });
    assert.equal(await status(await own.token(), verifier), 200);
    for (const { tcId, jws } of tests) {
      assert.equal(await status(typeof jws === "string" ? jws : JSON.stringify(jws), verifier), 401, String(tcId));
      count++;
    }
  }
  own.close();
  assert(count > 100, `${count} tokens`);
});

test("a `Remote-Assertion` authenticates for its audience, and nothing else does", async () => {
  const forwarded = auth.forwarded({ audience: "https://app.example" });
  const now = issuer.now();
  const claims = { iss: issuer.url, aud: "https://app.example", sub: ID("u"), sid: ID("f"), iat: now, exp: now + 60, auth_time: now, amr: ["pwd"], username: "ada", roles: ["clerk"] };
  const sign = (changes = {}, header = {}) => issuer.token({ ...claims, ...changes }, { typ: "forward+jwt", ...header });
  const by = (assertion, headers = {}) => forwarded.authenticate({ method: "GET", headers: { ...headers, ...(assertion !== undefined && { "remote-assertion": assertion }) } }).then((user) => user?.kind ?? null, (error) => error.status);
  assert.equal(await by(await sign()), "forwarded");
  assert.equal(await by(undefined, { "remote-user": "admin", "remote-groups": "admin" }), null);
  assert.equal(await by(""), null);
  for (const changes of [{ aud: "https://other.example" }, { aud: ["https://app.example"] }, { iss: "x" }, { exp: now + 3600 }, { iat: now - 200, exp: now - 150 }, { sid: "x" }, { sub: "" }]) {
    assert.equal(await by(await sign(changes)), 401, inspect(changes));
  }
  assert.equal(await by(await issuer.token({ ...claims }, { typ: "at+jwt" })), 401);
  // And an assertion is no access token.
  assert.equal(await status(await sign({ aud: "https://shop.example", pos: 1, client_id: "c", jti: ID("j") })), 401);
});

test("an assertion is refused after a revocation at a later position than its own", async (t) => {
  const own = await FakeIssuer.start();
  const verifier = counterfoil(options(own));
  t.after(() => (verifier.close(), own.close()));
  await verifier.ready();
  const now = own.now();
  const claims = { iss: own.url, aud: "https://app.example", sub: ID("u"), sid: ID("f"), client_id: "web", iat: now, exp: now + 60, auth_time: now, amr: ["pwd"] };
  const forwarded = verifier.forwarded({ audience: "https://app.example" });
  const by = async (changes) => {
    const headers = { "remote-assertion": await own.token({ ...claims, ...changes }, { typ: "forward+jwt" }) };
    return forwarded.authenticate({ method: "GET", headers }).then((user) => user.clientId, (error) => error.status);
  };
  for (const pos of [1.5, -1, "7", null, 2 ** 53]) assert.equal(await by({ pos }), 401, String(pos));
  for (const client_id of ["", "a b", 7]) assert.equal(await by({ pos: own.head, client_id }), 401, String(client_id));
  for (const subject of [`user:${ID("u")}`, "client:web", "everyone"]) {
    const pos = own.head;
    assert.equal(await by({ pos }), "web");
    own.revoke(subject);
    await until(async () => (await by({ pos })) === 401, subject);
    // One that was signed after the revocation may arrive before it does.
    for (const later of [own.head, own.head + 5]) assert.equal(await by({ pos: later }), "web", subject);
  }
  // An issuer of an earlier version signs neither: what the verifier knew before this request revokes nothing.
  assert.equal(await by({ client_id: undefined }), null);
  // The log of a restored store begins above every position of the former one, with an entry for everyone.
  const pos = own.head;
  own.log = ID("R");
  own.head += 2 ** 32;
  own.revoke("everyone");
  await until(async () => (await by({ pos })) === 401, "the former log");
  assert.equal(await by({ pos: own.head }), "web");
});

test("the signal of a forwarded user fires with a revocation of the user, and with one of everyone", async (t) => {
  const own = await FakeIssuer.start();
  const verifier = counterfoil(options(own));
  t.after(() => (verifier.close(), own.close()));
  await verifier.ready();
  const now = own.now();
  const claims = { iss: own.url, aud: "https://app.example", sub: ID("u"), sid: ID("f"), iat: now, exp: now + 60, auth_time: now, amr: ["pwd"], username: "ada" };
  const headers = { "remote-assertion": await own.token(claims, { typ: "forward+jwt" }) };
  for (const [subject, reason] of [[`user:${ID("u")}`, "revoked"], ["everyone", "session_ended"]]) {
    const user = await verifier.forwarded({ audience: "https://app.example" }).authenticate({ method: "GET", headers });
    assert.equal(user.ended.aborted, false, "the proxy has asked after the revocation before");
    own.revoke(subject);
    await until(() => user.ended.aborted, subject);
    assert.equal(user.ended.reason.reason, reason);
  }
});

test("the signal of a forwarded user fires when the assertion expires", async (t) => {
  const own = await FakeIssuer.start();
  t.after(() => own.close());
  const ownClock = new TestClock();
  const verifier = counterfoil({ ...options(own), clock: ownClock, verifierKey: undefined });
  const now = own.now();
  const claims = { iss: own.url, aud: "https://app.example", sub: ID("u"), sid: ID("f"), iat: now, exp: now + 60, auth_time: now, amr: ["pwd"], username: "ada" };
  const headers = { "remote-assertion": await own.token(claims, { typ: "forward+jwt" }) };
  const user = await verifier.forwarded({ audience: "https://app.example" }).authenticate({ method: "GET", headers });
  const ended = new Promise((resolve) => user.ended.addEventListener("abort", resolve));
  assert.equal(user.ended.aborted, false);
  ownClock.offset = 61_000;
  await ended;
  assert.equal(user.ended.reason.reason, "expired");
});

/** A key set with another key instead of the issuer's. */
async function replacement() {
  const { publicKey } = await generateKeyPair("ES256", { extractable: true });
  return { keys: [{ ...(await exportJWK(publicKey)), kid: "new", alg: "ES256", use: "sig" }] };
}

test("without a feed, a key that is gone verifies no token that was verified before", async (t) => {
  const own = await FakeIssuer.start();
  t.after(() => own.close());
  const ownClock = new TestClock();
  const verifier = counterfoil({ ...options(own), clock: ownClock, verifierKey: undefined, maxTokenLifetime: 20_000 });
  const token = await own.token(own.claims({ exp: own.now() + 20_000 }));
  assert.equal(await status(token, verifier), 200);
  own.jwks = await replacement();
  ownClock.offset = 301_000;
  await until(async () => (await status(token, verifier)) === 401, "the keys are fetched again");
});

test("without a feed, keys that cannot be fetched again are used for two hours", async (t) => {
  const own = await FakeIssuer.start();
  t.after(() => own.close());
  const ownClock = new TestClock();
  const verifier = counterfoil({ ...options(own), clock: ownClock, verifierKey: undefined, maxTokenLifetime: 20_000 });
  const token = await own.token(own.claims({ exp: own.now() + 20_000 }));
  assert.equal(await status(token, verifier), 200);
  own.onKeys = (res) => res.writeHead(500).end();
  ownClock.offset = 7_100_000;
  assert.equal(await status(token, verifier), 200);
  ownClock.offset = 7_300_000;
  assert.equal(await status(token, verifier), 503);
});

test("a token that is verified while its key is replaced is not kept", async (t) => {
  const own = await FakeIssuer.start();
  t.after(() => own.close());
  const ownClock = new TestClock();
  const verifier = counterfoil({ ...options(own), clock: ownClock, verifierKey: undefined });
  const token = await own.token();
  const { subtle } = globalThis.crypto;
  const { verify } = subtle;
  // The first key set arrives, and before the signature is verified the second one does.
  subtle.verify = async (...args) => {
    subtle.verify = verify;
    own.jwks = await replacement();
    const unknown = await own.token(own.claims(), { kid: "new" });
    ownClock.monotonicOffset += 31_000;
    assert.equal(await status(unknown, verifier), 401);
    return verify.apply(subtle, args);
  };
  try {
    // This request came before the key was replaced.
    assert.equal(await status(token, verifier), 200);
    assert.equal(await status(token, verifier), 401);
  } finally {
    subtle.verify = verify;
  }
});

test("importJWK of the issuer's key works, so that a refusal above is none of the fixture", async () => {
  assert(await importJWK(issuer.jwks.keys[0], "ES256"));
});
