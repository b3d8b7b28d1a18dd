// Starts the server binary on a free port, with a store of its own, and stops it.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

export const BINARY = process.env.COUNTERFOIL;
export const PASSWORD = "seven lamps for the lighthouse";

/** Waits until `condition` returns something; generous, for a busy machine. */
export async function until(condition, what, limit = 20_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${limit} ms: ${what}`);
    await sleep(10);
  }
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts an issuer. `env` are its settings. */
export async function startIssuer(env = {}) {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-js-"));
  const issuer = new Issuer(await freePort(), folder, env);
  await issuer.start();
  return issuer;
}

class Issuer {
  #process;

  constructor(port, folder, env) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.folder = folder;
    this.env = {
      PATH: process.env.PATH, HOME: folder,
      COUNTERFOIL_DATA_DIR: join(folder, "data"), COUNTERFOIL_LISTEN: `127.0.0.1:${port}`, COUNTERFOIL_ISSUER: this.url,
      // Hashing is not what these tests measure, and they come from one address.
      COUNTERFOIL_ARGON2_MEMORY_KIB: "19456", COUNTERFOIL_ARGON2_ITERATIONS: "2", COUNTERFOIL_ARGON2_PARALLELISM: "1",
      COUNTERFOIL_TRUSTED_PROXIES: "127.0.0.1",
      ...env,
    };
  }

  async start() {
    if (!BINARY) throw new Error("the variable COUNTERFOIL must name the binary of the server");
    this.#process = spawn(BINARY, ["serve"], { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.on("data", (data) => (output = (output + data).slice(-20_000)));
    }
    await until(async () => {
      if (this.#process.exitCode !== null) throw new Error(`the server ended: ${output}`);
      return fetch(`${this.url}/readyz`).then((response) => response.ok, () => false);
    }, `the server is ready: ${output}`, 60_000);
  }

  async stop(signal = "SIGKILL") {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill(signal);
    await ended;
  }

  async close() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a command of an operator; returns its output. */
  async command(...args) {
    const { stdout } = await promisify(execFile)(BINARY, args, { env: this.env });
    return stdout.trim();
  }

  async post(path, body, headers = {}) {
    return fetch(this.url + path, {
      method: "POST",
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async register(username) {
    const response = await this.post("/v1/register", { username, password: PASSWORD });
    if (response.status !== 201) throw new Error(`register: ${response.status} ${await response.text()}`);
    return (await response.json()).user;
  }

  async login(username, options = {}) {
    const response = await this.post("/v1/login", { username, password: PASSWORD, ...options });
    if (response.status !== 200) throw new Error(`login: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async logout(token) {
    const response = await this.post("/v1/logout", undefined, { authorization: `Bearer ${token}` });
    if (response.status !== 204) throw new Error(`logout: ${response.status}`);
  }

  verifierKey(name = "tests") {
    return this.command("verifier", "add", name);
  }
}
