/** The JSON of the revocation feed, as it is read: everything that is not as described is refused. */

import type { RevocationEntry } from "./revocations.js";
import { isCount, isId, isName } from "./text.js";

/** One answer of `GET /v1/feed`. */
export interface FeedAnswer {
  readonly log: string;
  readonly instance: string;
  readonly poll: number;
  readonly now: number;
  readonly lease: number;
  readonly head: number;
  readonly next: number;
  readonly snapshot: boolean;
  readonly keys: string;
  readonly entries: readonly RevocationEntry[];
}

/** No issuer promises a longer lease, in milliseconds; a wrong answer must not make this process fresh for ever. */
const MAX_LEASE = 3_600_000;

/** @throws SyntaxError if it is no answer of the feed. */
export function parseFeedAnswer(body: Uint8Array): FeedAnswer {
  const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
  if (typeof value !== "object" || value === null) throw malformed("the body");
  const { log, instance, poll, now, lease_ms, head, next, snapshot, keys, entries } = value as Record<string, unknown>;
  if (!isName(log) || typeof instance !== "string" || !isCount(poll)) throw malformed("`log`, `instance` or `poll`");
  if (!isCount(now) || !isCount(lease_ms) || lease_ms > MAX_LEASE) throw malformed("`now` or `lease_ms`");
  if (!isCount(head) || !isCount(next) || next > head) throw malformed("`head` or `next`");
  if (typeof snapshot !== "boolean" || typeof keys !== "string") throw malformed("`snapshot` or `keys`");
  if (!Array.isArray(entries)) throw malformed("`entries`");
  return { log, instance, poll, now, lease: lease_ms, head, next, snapshot, keys, entries: entries.map(parseEntry) };
}

function parseEntry(value: unknown): RevocationEntry {
  if (typeof value !== "object" || value === null) throw malformed("an entry");
  const { position, subject, until } = value as Record<string, unknown>;
  if (!isCount(position) || !(until === null || isCount(until)) || !isSubject(subject)) throw malformed("an entry");
  return { position, subject, until };
}

/** A kind of subject that this version does not know could revoke anything: the answer cannot be used. */
function isSubject(value: unknown): value is string {
  if (typeof value !== "string") return false;
  if (value === "everyone") return true;
  const colon = value.indexOf(":");
  const [kind, id] = [value.slice(0, colon), value.slice(colon + 1)];
  if (kind === "client" || kind === "key") return isName(id);
  return (kind === "session" || kind === "user" || kind === "token") && isId(id);
}

function malformed(what: string): SyntaxError {
  return new SyntaxError(`the answer of the feed is malformed: ${what}`);
}
