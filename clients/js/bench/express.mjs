// Requests a second of one Express process: without authentication, with this package, and with express-session on Redis.
// `cargo xtask bench node`; it needs the programs counterfoil and redis-server.
import { fork, spawn } from "node:child_process";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";

import { freePort, startIssuer, until } from "../node/test/server.mjs";

const CONNECTIONS = 16;
const SECONDS = 3;
const ROUNDS = 3;

if (process.send) await serve(process.argv[2], JSON.parse(process.argv[3]));
else await main();

/** One application, in a process of its own. */
async function serve(kind, { issuer, verifierKey, redis }) {
  const { default: express } = await import("express");
  const app = express();
  app.use(express.json());
  if (kind === "express-session") {
    const [{ default: session }, { RedisStore }, { createClient }] = await Promise.all([import("express-session"), import("connect-redis"), import("redis")]);
    const client = await createClient({ url: redis }).connect();
    app.use(session({ secret: "s".repeat(32), resave: false, saveUninitialized: false, store: new RedisStore({ client }) }));
    app.post("/login", (req, res) => ((req.session.userId = "ada"), res.json({})));
    app.get("/protected", (req, res) => (req.session.userId ? res.json({ user: req.session.userId }) : res.sendStatus(401)));
  } else if (kind === "bare") {
    app.get("/protected", (req, res) => res.json({ user: "ada" }));
  } else {
    const [{ counterfoil }, { guard, middleware }] = await Promise.all([import("@counterfoil/node"), import("@counterfoil/node/express")]);
    const auth = counterfoil({ issuer, audience: issuer, algorithms: ["ES256"], verifierKey });
    app.get("/protected", middleware(auth), guard(), (req, res) => res.json({ user: req.auth.username }));
  }
  const server = app.listen(0, "127.0.0.1", () => process.send(server.address().port));
}

async function main() {
  const issuer = await startIssuer();
  await issuer.register("ada");
  const port = await freePort();
  const redis = spawn("redis-server", ["--port", String(port), "--save", "", "--bind", "127.0.0.1"], { stdio: "ignore" });
  const settings = { issuer: issuer.url, verifierKey: await issuer.verifierKey(), redis: `redis://127.0.0.1:${port}` };
  const session = (await issuer.login("ada")).session_token;
  const { access_token: jwt } = await issuer.login("ada", { mode: "jwt" });
  const children = [];
  const start = (kind) => new Promise((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), [kind, JSON.stringify(settings)]);
    children.push(child);
    child.once("message", (port) => resolve(`http://127.0.0.1:${port}`));
  });
  try {
    const [bare, own, other] = await Promise.all(["bare", "counterfoil", "express-session"].map(start));
    const login = await until(() => fetch(`${other}/login`, { method: "POST" }).catch(() => null), "a login");
    const cookie = login.headers.getSetCookie()[0].split(";")[0];
    const contenders = {
      "Express alone": [bare, {}],
      "@counterfoil/node, session cookie": [own, { cookie: `counterfoil-session=${session}` }],
      "@counterfoil/node, access token": [own, { authorization: `Bearer ${jwt}` }],
      "express-session, connect-redis": [other, { cookie }],
    };
    const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
    for (const [url, headers] of Object.values(contenders)) await load(url, headers, 1);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, [url, headers]] of Object.entries(contenders)) results[name].push(await load(url, headers, SECONDS));
    }
    const medians = Object.entries(results).map(([name, rates]) => [name, rates.sort((one, two) => one - two)[ROUNDS >> 1]]);
    for (const [name, rate] of medians) console.log(`${name.padEnd(36)} ${rate.toFixed(0).padStart(7)}/s  ${(rate / medians[0][1]).toFixed(2)}`);
  } finally {
    for (const child of children) child.kill();
    redis.kill();
    await issuer.close();
  }
}

/** Requests a second on some connections, each with one request at a time. */
async function load(url, headers, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const end = performance.now() + seconds * 1000;
  let count = 0;
  const once = () => new Promise((resolve, reject) => {
    const sent = request(`${url}/protected`, { agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
      response.resume().once("end", resolve);
    });
    sent.once("error", reject).end();
  });
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (; performance.now() < end; count++) await once();
  }));
  agent.destroy();
  return count / seconds;
}
