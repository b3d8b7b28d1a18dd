/** The active revocations, as this process holds them, and the check of one credential against them. */

/** One entry of the revocation log. */
export interface RevocationEntry {
  /** The position in the log. */
  readonly position: number;
  /** `session:ID`, `token:ID`, `key:ID`, `user:ID`, `client:ID` or `everyone`. */
  readonly subject: string;
  /** When the last token that it revokes has expired, in Unix seconds; `null` for a key. */
  readonly until: number | null;
}

/** By what a credential can be revoked. Built once for each credential. */
export interface RevocationQuery {
  /** Subjects that revoke it whatever its position is: the session, the token and the key. */
  readonly always: readonly string[];
  /** Subjects that revoke it at a position after its own: the user, the client and everyone. */
  readonly before: readonly string[];
  /** The head of the log when the credential was issued or introspected. */
  readonly position: number;
}

interface Held {
  position: number;
  until: number | null;
}

/** A set of revocations. An entry leaves it only when its `until` is over. */
export class Revocations {
  readonly #entries = new Map<string, Held>();

  get size(): number {
    return this.#entries.size;
  }

  /** Adds entries. Those of one subject become one, with the largest position and the largest `until`. */
  merge(entries: readonly RevocationEntry[]): void {
    for (const { subject, position, until } of entries) {
      const held = this.#entries.get(subject);
      if (!held) {
        this.#entries.set(subject, { position, until });
        continue;
      }
      held.position = Math.max(held.position, position);
      held.until = held.until === null || until === null ? null : Math.max(held.until, until);
    }
  }

  /** Removes the entries whose tokens have all expired at `now`, in Unix seconds. */
  prune(now: number): void {
    for (const [subject, { until }] of this.#entries) {
      if (until !== null && until < now) this.#entries.delete(subject);
    }
  }

  /** Whether an entry revokes the credential. */
  revokes({ always, before, position }: RevocationQuery): boolean {
    if (this.#entries.size === 0) return false;
    for (const subject of always) if (this.#entries.has(subject)) return true;
    for (const subject of before) {
      const held = this.#entries.get(subject);
      if (held && held.position > position) return true;
    }
    return false;
  }
}

/** Whether this one entry revokes the credential. */
export function entryRevokes(entry: RevocationEntry, query: RevocationQuery): boolean {
  if (query.always.includes(entry.subject)) return true;
  return query.before.includes(entry.subject) && entry.position > query.position;
}
