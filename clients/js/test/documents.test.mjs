// The programs in docs/express.md, run against a server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { freePort, PASSWORD, startIssuer, until } from "../node/test/server.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DOCUMENT = readFileSync(join(ROOT, "../../docs/express.md"), "utf8");
const PLACE = "// Login, refresh and logout: see below.\n";

/** The first program below a heading. */
function listing(heading) {
  const section = DOCUMENT.split(`\n${heading}\n`)[1];
  assert(section, `docs/express.md has no ${heading}`);
  return section.match(/```js\n([\s\S]*?)```/)[1];
}

let issuer, folder, verifierKey;

before(async () => {
  issuer = await startIssuer();
  await issuer.register("ada");
  verifierKey = await issuer.verifierKey();
  // Below the workspace, where the packages are found.
  folder = mkdtempSync(join(ROOT, "node_modules/.documents-"));
});

after(async () => {
  await issuer?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Runs the application with one form of its routes. */
async function withApplication(routes, run, without = "") {
  const application = listing("## The application");
  assert(application.includes(PLACE));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const file = join(folder, "app.mjs");
  writeFileSync(file, application.replace(without + PLACE, routes));
  const env = { ...process.env, ISSUER: issuer.url, VERIFIER_KEY: verifierKey, ORIGIN: origin, PORT: String(port) };
  const child = spawn(process.execPath, [file], { env, stdio: ["ignore", "inherit", "inherit"] });
  const post = (path, body, headers = {}) => fetch(origin + path, {
    method: "POST", body: JSON.stringify(body ?? {}), headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
  });
  const isAnswered = () => fetch(`${origin}/protected`).then((response) => response.status === 401, () => false);
  try {
    await until(isAnswered, "the application answers");
    await run({ post, protectedBy: (headers, init = {}) => fetch(`${origin}/protected`, { ...init, headers }) });
  } finally {
    child.kill();
  }
}

const credentials = { username: "ada", password: PASSWORD };

async function refuses(protectedBy, headers) {
  await until(async () => (await protectedBy(headers)).status === 401, "the logout is in force");
}

test("with a session", async () => {
  await withApplication(listing("### With a session"), async ({ post, protectedBy }) => {
    const wrong = await post("/login", { ...credentials, password: "wrong" });
    assert.deepEqual([wrong.status, (await wrong.json()).code], [401, "invalid_credentials"]);
    assert.equal((await post("/login", credentials, { "sec-fetch-site": "cross-site", origin: "https://evil.example" })).status, 403);
    const login = await post("/login", credentials);
    assert.deepEqual([login.status, await login.json()], [200, { user: "ada" }]);
    const cookie = login.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
    assert.match(cookie, /^counterfoil-session=cfs_/);
    assert.deepEqual(await (await protectedBy({ cookie })).json(), { message: "for users only", user: "ada" });
    assert.equal((await protectedBy({ cookie }, { method: "POST" })).status, 403);
    assert.equal((await protectedBy({ cookie, "sec-fetch-site": "same-origin" }, { method: "POST" })).status, 200);
    assert.equal((await post("/logout", undefined, { cookie })).status, 204);
    await refuses(protectedBy, { cookie });
  });
});

test("with a JWT", async () => {
  await withApplication(listing("### With a JWT"), async ({ post, protectedBy }) => {
    const { token } = await (await post("/login", credentials)).json();
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await (await protectedBy(headers)).json()).user, "ada");
    assert.equal((await protectedBy({ authorization: "Bearer wrong" })).status, 401);
    assert.equal((await post("/logout", undefined, headers)).status, 204);
    await refuses(protectedBy, headers);
  });
});

test("with a JWT and refresh tokens", async () => {
  await withApplication(listing("### With a JWT and refresh tokens"), async ({ post, protectedBy }) => {
    const first = await (await post("/login", credentials)).json();
    const next = await post("/refresh", { refreshToken: first.refreshToken });
    assert.equal(next.status, 200);
    const { accessToken, refreshToken } = await next.json();
    for (const token of [first.accessToken, accessToken]) assert.equal((await protectedBy({ authorization: `Bearer ${token}` })).status, 200);
    assert.equal((await post("/refresh", { refreshToken: "cfr_wrong" })).status, 401);
    assert.equal((await post("/logout", { refreshToken })).status, 204);
    await refuses(protectedBy, { authorization: `Bearer ${accessToken}` });
    assert.equal((await post("/refresh", { refreshToken })).status, 401);
  });
});

test("for pages", async () => {
  const parser = "app.use(express.json());\n";
  assert(listing("## The application").includes(parser + PLACE));
  const body = { ...credentials, transport: "cookie", mode: "hybrid" };
  await withApplication(listing("### For pages"), async ({ post }) => {
    // Behind a parser the body is lost: that is said.
    const response = await post("/v1/login", body);
    assert.deepEqual([response.status, (await response.json()).code], [500, "misconfigured"]);
  });
  await withApplication(listing("### For pages"), async ({ post, protectedBy }) => {
    const login = await post("/v1/login", body);
    assert.equal(login.status, 200);
    const cookie = login.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
    assert.equal((await protectedBy({ cookie })).status, 200);
  }, parser);
});

test("each test that the threat model names exists", () => {
  const model = readFileSync(join(ROOT, "../../docs/threat-model.md"), "utf8");
  const rows = [...model.matchAll(/`(clients\/js\/[a-z/.-]+\.test\.mjs)`: ("[^"]+"(?:; "[^"]+")*)/g)];
  assert(rows.length > 5);
  for (const [, file, titles] of rows) {
    const text = readFileSync(join(ROOT, "../..", file), "utf8");
    for (const [, title] of titles.matchAll(/"([^"]+)"/g)) assert(text.includes(`test("${title}"`), `${file}: ${title}`);
  }
});
