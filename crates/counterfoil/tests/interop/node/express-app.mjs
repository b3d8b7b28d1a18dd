// An Express application whose users log in with Counterfoil.
import express from "express";

import { relay } from "./express-relay.mjs";
import { refuseCrossSite, requireSession } from "./express-sessions.mjs";
import { authenticateToken } from "./express-tokens.mjs";

/** Returns the application at `origin`, for users of `issuer`. */
export function application(issuer, origin) {
  const app = express();

  // Before `express.json()`: the bodies are passed on as they are.
  app.post("/login", relay(issuer, "/v1/login"));
  app.post("/refresh", relay(issuer, "/v1/refresh"));
  app.post("/logout", relay(issuer, "/v1/logout"));

  app.use(express.json());
  app.get("/protected", authenticateToken(issuer), (req, res) => {
    res.json({ message: "for users with a token", user: req.user.sub, roles: req.user.roles ?? [] });
  });
  app.get("/account", requireSession(issuer), (req, res) => {
    res.json({ message: "for users with a session", user: req.auth.user.username });
  });
  app.post("/orders", refuseCrossSite(origin), requireSession(issuer), (req, res) => {
    res.status(201).json({ order: req.body, by: req.auth.user.username });
  });
  return app;
}
