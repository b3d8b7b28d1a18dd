/** Reads the credential of a request: from `Authorization: Bearer` and from the cookies of the issuer. */

import type { IncomingHttpHeaders } from "node:http";

import { ambiguousCredential } from "./problem.js";

/** The global is loaded with each access. */
const FetchHeaders = Headers;

/** A request, as far as it matters here. A `Request` of Node.js and one of the Fetch API fit. */
export interface RequestLike {
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders | Headers;
  /** Repeated headers, which Node.js joins or drops in `headers`. */
  readonly headersDistinct?: NodeJS.Dict<string[]>;
  /** The signals of `ended` are forgotten when it closes. */
  readonly socket?: { once(event: "close", listener: () => void): unknown } | undefined;
}

/** The names of the issuer's cookies. */
export interface CookieNames {
  readonly session: string;
  readonly access: string;
  readonly refresh: string;
}

/** An issuer on https sets cookies that no other host can set (RFC 6265bis, section 4.1.3.2). */
export function cookieNames(issuer: string): CookieNames {
  const prefix = issuer.startsWith("https:") ? "__Host-" : "counterfoil-";
  return { session: `${prefix}session`, access: `${prefix}access`, refresh: `${prefix}refresh` };
}

/** The credential of a request, not verified. */
export interface Presented {
  readonly token: string | null;
  readonly source: "bearer" | "cookie" | "none";
  /** Whether there is any cookie of the issuer, valid or not. */
  readonly hasCookie: boolean;
}

/**
 * @throws Problem for two different credentials: the order never decides between them, because an attacker on a neighbouring
 * subdomain could have added one.
 */
export function readCredentials(request: RequestLike, names: CookieNames): Presented {
  const bearer = readBearer(request);
  const line = header(request, "cookie");
  if (line === undefined) return { token: bearer ?? null, source: bearer === undefined ? "none" : "bearer", hasCookie: false };
  const cookies = readCookies(line, names);
  const token = bearer ?? cookies.values[0];
  if (cookies.values.some((value) => value !== token)) throw ambiguousCredential();
  const source = bearer !== undefined ? "bearer" : token !== undefined ? "cookie" : "none";
  return { token: token ?? null, source, hasCookie: cookies.isPresent };
}

/** A header with all its lines joined; `undefined` if it is missing. */
export function header({ headers }: RequestLike, name: string): string | undefined {
  if (headers instanceof FetchHeaders) return headers.get(name) ?? undefined;
  const value = headers[name];
  return Array.isArray(value) ? value.join(name === "cookie" ? "; " : ", ") : value;
}

/** An empty or malformed token is presented, and invalid. Other schemes than `Bearer` are ignored. */
function readBearer(request: RequestLike): string | undefined {
  // In `headers`, Node.js keeps only the first of several, and the Fetch API joins them.
  const lines = request.headersDistinct?.authorization;
  const line = lines ? lines[0] : header(request, "authorization");
  if (lines?.some((other) => other !== line)) throw ambiguousCredential();
  if (line === undefined || !/^bearer( |$)/i.test(line)) return undefined;
  return line.slice(6).trim();
}

/** As browsers do: `String.trim` also removes a no-break space, and so would give a cookie of another host our name. */
function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

function readCookies(line: string, names: CookieNames): { values: string[]; isPresent: boolean } {
  const values: string[] = [];
  let isPresent = false;
  for (const pair of line.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0) continue;
    const name = trim(pair.slice(0, equals));
    if (name === names.session || name === names.access) values.push(trim(pair.slice(equals + 1)));
    else if (name !== names.refresh) continue;
    isPresent = true;
  }
  return { values, isPresent };
}
