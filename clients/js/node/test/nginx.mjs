// Debian's nginx with the shipped configuration of forward authentication, in front of an application.
import { execFile, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { until } from "./server.mjs";

const PROGRAM = "/usr/sbin/nginx";
const SHIPPED = new URL("../../../../dist/proxy/nginx.conf", import.meta.url);

export const HOST = "app.example";
export const hasNginx = existsSync(PROGRAM);

/** Starts nginx on `port`. `counterfoil` and `application` are the ports behind it. */
export async function startNginx({ port, counterfoil, application }) {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-nginx-"));
  // Its workers are no root.
  chmodSync(folder, 0o755);
  const certificate = ["-keyout", `${HOST}.key`, "-out", `${HOST}.pem`, "-subj", `/CN=${HOST}`, "-days", "2"];
  const key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await promisify(execFile)("openssl", [...key, ...certificate], { cwd: folder });
  const guard = readFileSync(SHIPPED, "utf8")
    .replaceAll("/etc/ssl/", `${folder}/`)
    .replaceAll("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
    // As the file says, for another port than 443.
    .replaceAll("Host $server_name;", `Host $server_name:${port};`)
    .replaceAll("127.0.0.1:3000", `127.0.0.1:${counterfoil}`)
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${application}`);
  writeFileSync(join(folder, "guard.conf"), guard);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`);
  writeFileSync(join(folder, "nginx.conf"), [
    "user www-data;", "worker_processes 1;", `pid ${folder}/pid;`, `error_log ${folder}/log;`, "events {}",
    "http {", "access_log off;", ...temporary, `include ${folder}/guard.conf;`, "}",
  ].join("\n"));
  const nginx = spawn(PROGRAM, ["-p", folder, "-c", join(folder, "nginx.conf"), "-g", "daemon off;"], { stdio: "ignore" });
  const ended = new Promise((resolve) => nginx.once("exit", resolve));
  const listens = () => new Promise((resolve) => {
    if (nginx.exitCode !== null) throw new Error(`nginx has ended: ${readFileSync(join(folder, "log"), "utf8")}`);
    const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true))).on("error", () => resolve(false));
  });
  const close = async () => {
    nginx.kill("SIGQUIT");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  await until(listens, "nginx listens").catch(async (error) => {
    await close();
    throw error;
  });
  return { get: (path, headers) => get(port, path, headers), close };
}

/** A request of a client, which has the name and not the address of the site. */
function get(port, path, headers = {}) {
  const options = { port, path, host: "127.0.0.1", servername: HOST, rejectUnauthorized: false, agent: false };
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, headers: { host: `${HOST}:${port}`, ...headers } }, async (response) => {
      let body = "";
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    sent.on("error", reject).end();
  });
}
