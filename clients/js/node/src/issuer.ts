/** Calls the issuer on behalf of a browser: login, refresh and logout. */

import type { IncomingMessage, ServerResponse } from "node:http";

import type { SessionData } from "./auth.js";
import type { ProblemCode } from "./contract.js";
import { header, type RequestLike } from "./credentials.js";
import { send } from "./http.js";
import { type FieldError, Problem, unavailable } from "./problem.js";

const LIMITS = { headTimeout: 35_000, maxBytes: 256 * 1024 };

/**
 * What the issuer reads. Without `origin` and `sec-fetch-site` it could not see that a page of another site logs the browser
 * in as another user.
 */
const FORWARDED = ["authorization", "cookie", "origin", "sec-fetch-site", "user-agent"] as const;

/** The request of the browser: of Node.js and Express, of Fastify, or the context of Hono. */
export type IssuerRequest = IncomingMessage | { raw: IncomingMessage } | { req: { raw: Request }; env?: unknown };

/** Where the cookies are set: on the response of Node.js and Express, the reply of Fastify, or the context of Hono. */
export type IssuerResponse =
  | ServerResponse
  | { raw: ServerResponse }
  | { header(name: string, value: string, options: { append: boolean }): void };

/** The body of `POST /v1/login`. */
export interface LoginBody {
  username: string;
  password: string;
  mode?: "session" | "jwt" | "hybrid";
  /** `cookie` by default: the credentials are in cookies that scripts cannot read. `bearer`: in the result. */
  transport?: "cookie" | "bearer";
  client_id?: string;
  label?: string;
  remember?: boolean;
  scope?: string;
  audience?: string;
}

/** The answer of a login or a refresh. With the transport `cookie` it contains no credential. */
export interface LoginResult {
  user?: { id: string; username: string; roles: string[]; [member: string]: unknown };
  session?: { id: string; mode: string; created_at: number; expires_at: number };
  access_token?: string;
  refresh_token?: string;
  session_token?: string;
  token_type?: string;
  expires_in?: number;
  refresh_expires_in?: number;
  [member: string]: unknown;
}

export class Issuer {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * Sends `body` to the issuer, sets the cookies of the answer on `res`, and returns its JSON.
   *
   * @throws Problem as the issuer has answered.
   */
  async post(path: string, req: IssuerRequest, res: IssuerResponse, body: object | undefined): Promise<unknown> {
    const request = requestOf(req);
    const headers: Record<string, string> = { accept: "application/json" };
    for (const name of FORWARDED) {
      const value = header(request, name);
      if (value !== undefined) headers[name] = value;
    }
    // The issuer counts failed logins by the last address that its `trusted_proxies` does not contain.
    const forwarded = [header(request, "x-forwarded-for"), addressOf(request)].filter(Boolean).join(", ");
    if (forwarded !== "") headers["x-forwarded-for"] = forwarded;
    if (body !== undefined) headers["content-type"] = "application/json";
    const init = { method: "POST", headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const answer = await send(this.#url + path, init, LIMITS).catch((error: unknown) => Promise.reject(unavailable(error)));
    const add = headerSink(res);
    add("cache-control", "no-store", false);
    for (const cookie of answer.headers.getSetCookie()) add("set-cookie", cookie, true);
    const json = parse(answer.body);
    if (answer.status < 200 || answer.status >= 300) throw problemOf(answer.status, answer.headers, json);
    return json;
  }
}

/** The data of the session of `token`, of which only this closure has a copy. */
export function sessionData(issuer: string, token: string | undefined): SessionData {
  const call = async (method: string, changes?: object): Promise<Record<string, unknown>> => {
    if (token === undefined) throw new TypeError("an assertion of a proxy gives no access to session data");
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const init = { method, headers, ...(changes && { body: JSON.stringify(changes) }) };
    const answer = await send(`${issuer}/v1/session/data`, init, LIMITS).catch((error: unknown) => Promise.reject(unavailable(error)));
    const json = parse(answer.body);
    if (answer.status !== 200) throw problemOf(answer.status, answer.headers, json);
    return json as Record<string, unknown>;
  };
  return { read: () => call("GET"), patch: (changes) => call("PATCH", changes) };
}

function requestOf(req: IssuerRequest): RequestLike {
  if ("raw" in req) return req.raw;
  if (!("req" in req) || !(req.req?.raw?.headers instanceof Headers)) return req as IncomingMessage;
  const incoming = (req.env as { incoming?: IncomingMessage } | undefined)?.incoming;
  const { method, headers } = req.req.raw;
  return { method, headers, socket: incoming?.socket };
}

function addressOf({ socket }: RequestLike): string | undefined {
  return (socket as { remoteAddress?: string } | undefined)?.remoteAddress;
}

function headerSink(res: IssuerResponse): (name: string, value: string, append: boolean) => void {
  const node = "raw" in res ? res.raw : "appendHeader" in res ? res : undefined;
  if (node) return (name, value, append) => (append ? node.appendHeader(name, value) : node.setHeader(name, value));
  const context = res as { header(name: string, value: string, options: { append: boolean }): void };
  return (name, value, append) => context.header(name, value, { append });
}

function parse(body: Uint8Array): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch (error) {
    throw unavailable(error);
  }
}

function problemOf(status: number, headers: Headers, json: unknown): Problem {
  const { code, title, detail, errors } = (json ?? {}) as Record<string, unknown>;
  const kept = ["www-authenticate", "retry-after", "x-request-id"].flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return new Problem({
    status,
    code: (typeof code === "string" ? code : "unavailable") as ProblemCode,
    title: typeof title === "string" ? title : "Refused",
    detail: typeof detail === "string" ? detail : "the issuer has refused the request",
    errors: Array.isArray(errors) ? (errors as FieldError[]) : [],
    headers: Object.fromEntries(kept),
  });
}
