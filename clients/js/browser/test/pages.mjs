// A web site whose pages use the package, in front of an issuer, and Chromium with one profile for each test.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import express from "express";
import { chromium } from "playwright-core";

import { counterfoil } from "@counterfoil/node";
import { guard, middleware, problems } from "@counterfoil/node/express";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));

export const launch = () => chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });

/** Starts the site: its pages, two routes, and the API of the issuer below `/v1/`. */
export async function startSite(issuer, verifierKey) {
  const site = { requests: [], onRequest: undefined };
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  site.url = `http://127.0.0.1:${server.address().port}`;
  const auth = counterfoil({ issuer: issuer.url, audience: issuer.url, algorithms: ["ES256"], verifierKey, origins: [site.url], log: () => {} });
  await auth.ready();

  const app = express();
  app.use((req, res, next) => {
    site.requests.push(`${req.method} ${req.path}`);
    if (!site.onRequest?.(req, res)) next();
  });
  app.get("/", (req, res) => res.type("html").send("<!doctype html><title>shop</title>"));
  app.get("/lib/:name", (req, res) => res.type("js").send(readFileSync(DIST + req.params.name)));
  app.use(auth.routes());
  app.use(middleware(auth));
  app.all("/orders", guard(), (req, res) => res.json({ of: req.auth.username, method: req.method }));
  app.get("/forbidden", (req, res) => res.status(401).json({}));
  app.use(problems);
  server.on("request", app);

  site.count = (line) => site.requests.filter((request) => request === line).length;
  site.close = async () => {
    auth.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return site;
}

/** Opens a page with a client: `window.auth`, its changes in `window.changes`. */
export async function open(context, site, options = {}) {
  const page = await context.newPage();
  await page.goto(site.url);
  await page.evaluate(async (options) => {
    const { createClient, AuthError } = await import("/lib/index.js");
    window.changes = [];
    window.auth = createClient(options);
    window.AuthError = AuthError;
    window.auth.on("change", (change) => window.changes.push(change));
  }, options);
  return page;
}
