// The same application on Express, Fastify and Hono.
import { createServer } from "node:http";

import { serve } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";

import * as onExpress from "@counterfoil/node/express";
import * as onFastify from "@counterfoil/node/fastify";
import * as onHono from "@counterfoil/node/hono";

const listening = (server) => new Promise((resolve) => server.listening ? resolve() : server.once("listening", resolve));
const close = (server) => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve)));

async function startExpress(auth) {
  const app = express();
  app.use(express.json());
  app.use(onExpress.middleware(auth));
  app.get("/who", (req, res) => res.json({ user: req.auth?.username ?? null }));
  app.all("/protected", onExpress.guard(), (req, res) => res.json({ user: req.auth.username, kind: req.auth.kind }));
  app.get("/clerks", onExpress.guard({ role: ["clerk", "boss"] }), (req, res) => res.json({}));
  app.get("/orders", onExpress.guard({ scope: ["orders:read"] }), (req, res) => res.json({}));
  app.get("/recent", onExpress.guard({ maxAge: 60 }), (req, res) => res.json({}));
  app.post("/login", async (req, res) => res.json(await auth.login(req, res, req.body)));
  app.post("/refresh", async (req, res) => res.json(await auth.refresh(req, res)));
  app.post("/logout", async (req, res) => (await auth.logout(req, res), res.sendStatus(204)));
  app.use(onExpress.problems);
  const server = createServer(app).listen(0, "127.0.0.1");
  await listening(server);
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => close(server) };
}

async function startFastify(auth) {
  const app = Fastify();
  await app.register(onFastify.plugin, { auth });
  app.get("/who", async (request) => ({ user: request.auth?.username ?? null }));
  app.route({
    url: "/protected", method: ["GET", "POST", "PUT", "DELETE", "PATCH"], preHandler: onFastify.guard(),
    handler: async (request) => ({ user: request.auth.username, kind: request.auth.kind }),
  });
  app.get("/clerks", { preHandler: onFastify.guard({ role: ["clerk", "boss"] }) }, async () => ({}));
  app.get("/orders", { preHandler: onFastify.guard({ scope: ["orders:read"] }) }, async () => ({}));
  app.get("/recent", { preHandler: onFastify.guard({ maxAge: 60 }) }, async () => ({}));
  app.post("/login", (request, reply) => auth.login(request, reply, request.body));
  app.post("/refresh", (request, reply) => auth.refresh(request, reply));
  app.post("/logout", async (request, reply) => (await auth.logout(request, reply), reply.code(204).send()));
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  return { url, close: () => (app.server.closeAllConnections(), app.close()) };
}

async function startHono(auth) {
  const app = new Hono();
  app.use(onHono.middleware(auth));
  app.get("/who", (c) => c.json({ user: c.get("auth")?.username ?? null }));
  app.all("/protected", onHono.guard(), (c) => c.json({ user: c.get("auth").username, kind: c.get("auth").kind }));
  app.get("/clerks", onHono.guard({ role: ["clerk", "boss"] }), (c) => c.json({}));
  app.get("/orders", onHono.guard({ scope: ["orders:read"] }), (c) => c.json({}));
  app.get("/recent", onHono.guard({ maxAge: 60 }), (c) => c.json({}));
  app.post("/login", async (c) => c.json(await auth.login(c, c, await c.req.json())));
  app.post("/refresh", async (c) => c.json(await auth.refresh(c, c)));
  app.post("/logout", async (c) => (await auth.logout(c, c), c.body(null, 204)));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await listening(server);
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => close(server) };
}

export const FRAMEWORKS = { express: startExpress, fastify: startFastify, hono: startHono };
