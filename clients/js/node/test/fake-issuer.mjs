// An issuer whose answers a test chooses: hostile tokens, key sets and answers of the feed.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

import { exportJWK, generateKeyPair, SignJWT } from "jose";

export const ID = (letter) => letter.repeat(21) + "A";
export const KEY = `cfv_test.${"k".repeat(43)}`;

export class FakeIssuer {
  log = ID("L");
  head = 1000;
  leaseMs = 3000;
  entries = [];
  requests = [];
  jwks = { keys: [] };
  /** Changes or replaces the answer of the feed. */
  onFeed = (answer) => answer;
  onKeys = undefined;
  onIntrospect = () => ({ active: false });
  now = () => Math.floor(Date.now() / 1000);
  #server;
  #waiting = new Set();

  static async start(algorithm = "ES256") {
    const issuer = new FakeIssuer();
    issuer.keys = await generateKeyPair(algorithm, { extractable: true });
    issuer.algorithm = algorithm;
    issuer.jwks.keys.push({ ...(await exportJWK(issuer.keys.publicKey)), kid: "one", alg: algorithm, use: "sig" });
    issuer.#server = createServer((req, res) => issuer.#answer(req, res));
    await new Promise((resolve) => issuer.#server.listen(0, "127.0.0.1", resolve));
    issuer.url = `http://127.0.0.1:${issuer.#server.address().port}`;
    return issuer;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Cuts all connections, also the polls in progress. */
  cut() {
    this.#server.closeAllConnections();
  }

  claims(changes = {}) {
    const now = this.now();
    return {
      iss: this.url, aud: "https://shop.example", sub: ID("u"), client_id: "default", iat: now, exp: now + 900, jti: ID("j"),
      sid: ID("s"), auth_time: now, amr: ["pwd"], scope: "orders:read", roles: ["clerk"], preferred_username: "ada",
      pos: this.head, ...changes,
    };
  }

  token(claims = this.claims(), header = {}, key = this.keys.privateKey) {
    return new SignJWT(claims).setProtectedHeader({ alg: this.algorithm, typ: "at+jwt", kid: "one", ...header }).sign(key);
  }

  /** Adds an entry to the log, and answers the polls that wait. */
  revoke(subject, until = this.now() + 1000) {
    this.entries.push({ position: ++this.head, subject, until });
    for (const answer of [...this.#waiting]) answer();
  }

  get jwksBody() {
    return JSON.stringify(this.jwks);
  }

  #answer(req, res) {
    const url = new URL(req.url, this.url);
    const chunks = [];
    req.on("data", (chunk) => chunks.push(chunk));
    req.on("end", () => {
      this.requests.push({ path: url.pathname, query: url.searchParams, headers: req.headers, body: Buffer.concat(chunks).toString() });
      if (url.pathname === "/v1/feed") return this.#feed(url.searchParams, res);
      if (url.pathname === "/.well-known/jwks.json") return this.onKeys ? this.onKeys(res, url) : reply(res, 200, this.jwksBody);
      if (url.pathname === "/oauth/introspect") {
        return reply(res, 200, JSON.stringify(this.onIntrospect(new URLSearchParams(Buffer.concat(chunks).toString()).get("token"))));
      }
      reply(res, 404, "{}");
    });
  }

  #feed(query, res) {
    const after = query.has("after") && query.get("log") === this.log ? Number(query.get("after")) : undefined;
    const respond = () => {
      clearTimeout(timer);
      this.#waiting.delete(respond);
      const entries = this.entries.filter(({ position }) => after === undefined || position > after);
      const answer = this.onFeed({
        log: this.log, instance: query.get("instance"), poll: Number(query.get("poll")), now: this.now(),
        lease_ms: this.leaseMs, head: this.head, next: this.head, snapshot: after === undefined,
        keys: createHash("sha256").update(this.jwksBody).digest("base64url"), entries,
      }, res);
      if (answer) reply(res, 200, typeof answer === "string" ? answer : JSON.stringify(answer));
    };
    const hasNews = after === undefined || after < this.head;
    const timer = setTimeout(respond, hasNews ? 0 : Math.min(Number(query.get("wait") ?? 0), this.leaseMs / 3));
    if (!hasNews) this.#waiting.add(respond);
  }
}

function reply(res, status, body) {
  if (!res.headersSent) res.writeHead(status, { "content-type": "application/json" });
  res.end(body);
}

/** Two clocks that a test sets. */
export class TestClock {
  offset = 0;
  monotonicOffset = 0;
  wall = () => Date.now() + this.offset;
  monotonic = () => performance.now() + this.monotonicOffset;
}
