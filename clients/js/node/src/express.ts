/** Express 5: `middleware(auth)` sets `req.auth`, `guard()` protects a route, `problems` answers with problem documents. */

import type { IncomingMessage, ServerResponse } from "node:http";

import type { Auth } from "./auth.js";
import type { Authenticator } from "./counterfoil.js";
import { Problem } from "./problem.js";
import { missingRequirement, type Requirements } from "./requirements.js";

declare global {
  namespace Express {
    interface Request {
      /** Who sends the request; `null` without a valid credential. Set by `middleware(auth)`. */
      auth?: Auth | null;
    }
  }
}

type Request = IncomingMessage & { auth?: Auth | null };
type Next = (error?: unknown) => void;

/** Authenticates each request. It answers 400, 401, 403 and 503 itself. */
export function middleware(auth: Authenticator) {
  return async (req: Request, res: ServerResponse, next: Next): Promise<void> => {
    try {
      const { method, headers, headersDistinct } = req;
      // `res` closes with each response, the socket only with the last one.
      req.auth = await auth.authenticate({ method, headers, headersDistinct, socket: res });
    } catch (error) {
      return problems(error, req, res, next);
    }
    res.appendHeader("vary", "Cookie, Authorization");
    if (req.auth) res.setHeader("cache-control", "private");
    next();
  };
}

/** Protects a route: 401 without a valid credential, 403 without the role or the scope. */
export function guard(required?: Requirements) {
  return (req: Request, res: ServerResponse, next: Next): void => {
    const problem = missingRequirement(req.auth, required);
    if (problem) problems(problem, req, res, next);
    else next();
  };
}

/** The error handler for problems that handlers throw, as `auth.login` does. Add it after the routes. */
export function problems(error: unknown, _req: IncomingMessage, res: ServerResponse, next: Next): void {
  if (!(error instanceof Problem) || res.headersSent) return next(error);
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  res.statusCode = error.status;
  res.end(JSON.stringify(error));
}
