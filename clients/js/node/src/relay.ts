/** Passes requests on to the issuer, for applications that have no proxy before them. */

import { type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";

import { misconfigured, type Problem, unavailable } from "./problem.js";

/** The paths of the issuer that clients call. */
const RELAYED = ["/v1/", "/.well-known/"];

/** For proxies only: who reaches it could name any address of a client. */
const HIDDEN = /^\/v1\/verify(\/|$)/;

/** What a proxy before the issuer could read as another path: dot segments, empty ones, encoded letters and separators. */
const AMBIGUOUS = /\/\.{1,2}(;[^/]*)?(\/|$)|\/\/|\\|%(2[5ef]|[4-7][0-9a-f])/i;

/** Headers of one connection (RFC 9110, section 7.6.1), and those that the relay sets itself. */
const NOT_PASSED_ON = new Set([
  "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host", "forwarded",
  "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
]);

/** A handler of Node.js and Express. Other requests are left to `next`. */
export type RelayHandler = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void) => void;

/** Returns the handler that passes requests on to `upstream`. */
export function relay(upstream: string): RelayHandler {
  const base = new URL(upstream);
  const send = base.protocol === "https:" ? httpsRequest : httpRequest;
  return (req, res, next) => {
    const target = (req as { originalUrl?: string }).originalUrl ?? req.url ?? "/";
    const [path = ""] = target.split("?", 1);
    if (!RELAYED.some((prefix) => path.startsWith(prefix)) || HIDDEN.test(path) || AMBIGUOUS.test(path)) {
      if (next) return next();
      res.writeHead(404).end();
      return;
    }
    if (req.readableEnded && req.headers["content-length"] !== undefined) {
      return refuse(res, misconfigured("auth.routes() must stand before what reads bodies, as express.json()"));
    }
    const options = { method: req.method, path: base.pathname.replace(/\/$/, "") + target, headers: requestHeaders(req) };
    const outgoing = send(base, options, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders.length > 0 ? responseHeaders(answer) : {});
      answer.pipe(res);
    });
    outgoing.on("error", (error) => refuse(res, unavailable(error)));
    res.on("close", () => outgoing.destroy());
    req.pipe(outgoing);
  };
}

function requestHeaders(req: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(req.headers)) {
    if (value !== undefined && !NOT_PASSED_ON.has(name)) headers[name] = value;
  }
  // Node.js frames no body of GET, HEAD, DELETE and OPTIONS by itself: the issuer would read it as the next request.
  if (req.headers["transfer-encoding"] !== undefined) {
    delete headers["content-length"];
    headers["transfer-encoding"] = "chunked";
  }
  const forwarded = [req.headers["x-forwarded-for"], req.socket.remoteAddress].flat().filter(Boolean);
  headers["x-forwarded-for"] = forwarded.join(", ");
  return headers;
}

function responseHeaders(answer: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && !["connection", "keep-alive", "transfer-encoding"].includes(name)) headers[name] = value;
  }
  return headers;
}

function refuse(res: ServerResponse, problem: Problem): void {
  if (res.headersSent) return void res.destroy();
  res.writeHead(problem.status, problem.headers).end(JSON.stringify(problem));
}
