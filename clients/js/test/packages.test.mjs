// The packages as users get them: packed, installed into an empty folder, type-checked, and run.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";
import { WebSocket } from "ws";

import { startIssuer, until } from "../node/test/server.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const run = async (program, args, cwd) => {
  try {
    return (await promisify(execFile)(program, args, { cwd, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")}: ${error.stdout}${error.stderr}`);
  }
};

const packed = {};
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "counterfoil-consumer-"));
  for (const name of ["node", "browser"]) {
    const output = await run("npm", ["pack", "--json", "--pack-destination", folder, `--workspace=${name}`], ROOT);
    packed[name] = Object.values(JSON.parse(output.slice(output.search(/^[[{]/m))))[0];
  }
  const { devDependencies: versions } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const others = ["express", "fastify", "hono", "ws", "@types/express", "@types/node", "@types/ws"].map((name) => `${name}@${versions[name]}`);
  await run("npm", ["init", "--yes"], folder);
  const tarballs = Object.values(packed).map(({ filename }) => join(folder, filename));
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs, ...others], folder);
});

after(() => folder && rmSync(folder, { recursive: true, force: true }));

test("the packages are small, and contain nothing but what is meant to be in them", async () => {
  assert(packed.node.unpackedSize <= 120 * 1024, `${packed.node.unpackedSize} bytes`);
  for (const { files } of Object.values(packed)) {
    for (const { path } of files) assert.match(path, /^(dist\/[a-z-]+\.(d\.ts|js)|package\.json|README\.md|LICENSE-MIT)$/);
  }
  const options = { entryPoints: [join(ROOT, "browser/dist/index.js")], bundle: true, minify: true, format: "esm", write: false };
  const { outputFiles } = await build(options);
  assert(gzipSync(outputFiles[0].contents).length <= 5 * 1024);
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "node/package.json"), "utf8"));
  assert.deepEqual(Object.keys(dependencies), ["jose"]);
});

test("each package can be published", async () => {
  for (const name of ["node", "browser"]) await run("npm", ["publish", "--dry-run", "--ignore-scripts", `--workspace=${name}`], ROOT);
});

test("the literal types agree with the OpenAPI document of the server", async () => {
  await run(process.execPath, ["scripts/generate-contract.mjs", "--check"], ROOT);
});

const CONSUMER = `
import express from "express";
import { Hono } from "hono";
import Fastify from "fastify";
import { counterfoil, Problem, type Auth, type AuditEventKind, type ProblemCode } from "@counterfoil/node";
import { guard, middleware, problems } from "@counterfoil/node/express";
import * as hono from "@counterfoil/node/hono";
import * as fastify from "@counterfoil/node/fastify";

const auth = counterfoil({ issuer: "https://auth.example", audience: "https://shop.example", algorithms: ["ES256"] });
const app = express();
app.use(auth.routes(), middleware(auth));
app.get("/orders", guard({ scope: "orders:read" }), (req, res) => {
  const user: Auth | null | undefined = req.auth;
  res.json({ of: user?.externalId ?? user?.subject });
});
app.post("/login", async (req, res) => { res.json((await auth.login(req, res, req.body)).user); });
app.use(problems);
new Hono().use(hono.middleware(auth)).get("/", hono.guard(), (c) => c.json({ name: c.get("auth")?.username }));
const server = Fastify();
void server.register(fastify.plugin, { auth });
server.get("/", { preHandler: fastify.guard() }, async (request, reply) => {
  await auth.logout(request, reply);
  return { name: request.auth?.username };
});
const code: ProblemCode = new Problem({ status: 401, code: "invalid_token", title: "", detail: "" }).code;
const kind: AuditEventKind = "login_succeeded";
// @ts-expect-error there is no such event
const wrong: AuditEventKind = "login_done";
// @ts-expect-error algorithms are required
counterfoil({ issuer: "https://auth.example", audience: "a" });
export { code, kind, wrong };
`;

const PAGE = `
import { createClient, AuthError, type Change } from "@counterfoil/browser";
const auth = createClient({ mode: "hybrid", origins: { "https://api.example": { audience: "https://api.example" } } });
export async function show(): Promise<Change> {
  auth.on("change", ({ state }) => state === "in");
  const response: Response = await auth.fetch("/orders", { method: "POST", body: "{}" });
  if (!response.ok) throw new AuthError(401, "invalid_token", "", [], undefined);
  return auth.start();
}
`;

test("TypeScript accepts both packages in an ES module and in CommonJS", async () => {
  const options = { strict: true, noEmit: true, module: "nodenext", target: "es2022", esModuleInterop: true, skipLibCheck: false };
  for (const extension of ["mts", "cts"]) {
    writeFileSync(join(folder, `server.${extension}`), CONSUMER);
    writeFileSync(join(folder, `page.${extension}`), PAGE);
  }
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  for (const [name, lib, types] of [["server", ["es2022"], ["node"]], ["page", ["es2022", "dom", "dom.iterable"], []]]) {
    const files = [`${name}.mts`, `${name}.cts`];
    // The declarations of the frameworks are theirs to check.
    const compilerOptions = { ...options, lib, types, skipLibCheck: name === "server" };
    writeFileSync(join(folder, `tsconfig.${name}.json`), JSON.stringify({ compilerOptions, files }));
    await run(tsc, ["-p", `tsconfig.${name}.json`], folder);
  }
});

test("CommonJS can require the package", async () => {
  const program = 'const { counterfoil } = require("@counterfoil/node"); require("@counterfoil/node/express"); console.log(typeof counterfoil);';
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { cwd: folder });
  assert.equal(stdout, "function\n");
});

test("the program in the README answers a protected route, and a logout in another tab closes its WebSocket", async () => {
  const readme = readFileSync(join(ROOT, "node/README.md"), "utf8");
  assert(readme.includes("npm install @counterfoil/node express ws\n"));
  const [, program] = readme.match(/```js\n([\s\S]*?)```/);
  assert(program.trim().split("\n").filter((line) => line !== "").length <= 22);
  writeFileSync(join(folder, "server.mjs"), program);
  const issuer = await startIssuer();
  let server;
  try {
    await issuer.register("ada");
    const env = { ...process.env, ISSUER: issuer.url, VERIFIER_KEY: await issuer.verifierKey(), PORT: "0" };
    server = spawn(process.execPath, ["server.mjs"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    server.stdout.on("data", (data) => (output += data));
    const port = (await until(() => output.match(/port (\d+)/), "the server listens"))[1];
    const url = `http://127.0.0.1:${port}`;
    assert.equal((await fetch(`${url}/protected`)).status, 401);
    for (const mode of ["session", "jwt", "hybrid"]) {
      const login = await issuer.login("ada", { mode });
      const token = login.session_token ?? login.access_token;
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${url}/protected`, { headers });
      assert.deepEqual([response.status, await response.json()], [200, { message: "hello ada" }]);
      const socket = new WebSocket(url.replace("http", "ws"), { headers });
      await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
      const closed = new Promise((resolve) => socket.once("close", (code, reason) => resolve([code, String(reason)])));
      // The logout in another tab: it goes through the application to the issuer.
      assert.equal((await fetch(`${url}/v1/logout`, { method: "POST", headers })).status, 204);
      const answered = performance.now();
      assert.deepEqual(await closed, [4401, "session_ended"], mode);
      // One hop: the entry of the feed, and not the end of the lease (three seconds) or of a kept answer (thirty).
      assert(performance.now() - answered < 2000, `${mode}: ${performance.now() - answered} ms`);
      assert.equal((await fetch(`${url}/protected`, { headers })).status, 401);
    }
    const socket = new WebSocket(url.replace("http", "ws"));
    const [error] = await new Promise((resolve) => socket.once("error", (...args) => resolve(args)));
    assert.match(error.message, /401/);
  } finally {
    server?.kill();
    await issuer.close();
  }
});
