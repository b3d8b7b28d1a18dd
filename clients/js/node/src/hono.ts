/** Hono 4: `middleware(auth)` sets `c.get("auth")`, `guard()` protects a route. */

import type { IncomingMessage, ServerResponse } from "node:http";

import type { Context, MiddlewareHandler } from "hono";

import type { Auth } from "./auth.js";
import type { Authenticator } from "./counterfoil.js";
import type { RequestLike } from "./credentials.js";
import { Problem } from "./problem.js";
import { missingRequirement, type Requirements } from "./requirements.js";

declare module "hono" {
  interface ContextVariableMap {
    /** Who sends the request; `null` without a valid credential. Set by `middleware(auth)`. */
    auth: Auth | null;
  }
}

/** Authenticates each request. It answers 400, 401, 403 and 503 itself. */
export function middleware(auth: Authenticator): MiddlewareHandler {
  return async (c, next) => {
    try {
      const { method, headers } = c.req.raw;
      c.set("auth", await auth.authenticate({ method, headers, ...incoming(c) }));
    } catch (error) {
      if (error instanceof Problem) return error.getResponse();
      throw error;
    }
    await next();
    c.header("vary", "Cookie, Authorization", { append: true });
    if (c.get("auth") && !c.res.headers.has("cache-control")) c.header("cache-control", "private");
    return undefined;
  };
}

/** Protects a route: 401 without a valid credential, 403 without the role or the scope. */
export function guard(required?: Requirements): MiddlewareHandler {
  return async (c, next) => {
    const problem = missingRequirement(c.get("auth"), required);
    return problem ? problem.getResponse() : next();
  };
}

/** What the server of Node.js knows of the request, if it is one. */
function incoming(c: Context): Pick<RequestLike, "headersDistinct" | "socket"> | undefined {
  const { incoming: message, outgoing } = (c.env ?? {}) as { incoming?: IncomingMessage; outgoing?: ServerResponse };
  // The response closes with each request, the socket only with the last one.
  return message && { headersDistinct: message.headersDistinct, socket: outgoing ?? message.socket };
}
