/** Fastify 5: `app.register(plugin, { auth })` sets `request.auth`, `guard()` is a `preHandler`. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Auth } from "./auth.js";
import type { Authenticator } from "./counterfoil.js";
import { Problem } from "./problem.js";
import { missingRequirement, type Requirements } from "./requirements.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Who sends the request; `null` without a valid credential. Set by the plugin. */
    auth: Auth | null;
  }
}

/** Authenticates each request. It answers 400, 401, 403 and 503 itself. */
export async function plugin(app: FastifyInstance, { auth }: { auth: Authenticator }): Promise<void> {
  app.decorateRequest("auth", undefined as unknown as null);
  app.addHook("onRequest", async (request, reply) => {
    try {
      const { method, headers, headersDistinct } = request.raw;
      // `reply.raw` closes with each response, the socket only with the last one.
      request.auth = await auth.authenticate({ method, headers, headersDistinct, socket: reply.raw });
    } catch (error) {
      if (error instanceof Problem) return refuse(reply, error);
      throw error;
    }
    reply.header("vary", "Cookie, Authorization");
    if (request.auth) reply.header("cache-control", "private");
    return undefined;
  });
}

// The routes of the application itself are behind the hook, not only those that the plugin would add.
Object.assign(plugin, { [Symbol.for("skip-override")]: true, [Symbol.for("fastify.display-name")]: "@counterfoil/node" });

/** Protects a route, as its `preHandler`: 401 without a valid credential, 403 without the role or the scope. */
export function guard(required?: Requirements) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const problem = missingRequirement(request.auth, required);
    return problem ? refuse(reply, problem) : undefined;
  };
}

function refuse(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).headers(problem.headers).send(JSON.stringify(problem));
}
