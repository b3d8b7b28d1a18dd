/** Ends open connections: the signals that fire when a credential is no longer accepted. */

import { type RevocationEntry, type RevocationQuery, entryRevokes } from "./revocations.js";

/** Why a credential is no longer accepted. */
export type EndReason = "session_ended" | "revoked" | "expired" | "unavailable";

/** The reason of an `ended` signal. */
export class CredentialEnd extends Error {
  override readonly name = "CredentialEnd";
  readonly reason: EndReason;
  /** For a WebSocket: 4401, or 1013 if the client may try again later. */
  readonly closeCode: 4401 | 1013;

  constructor(reason: EndReason) {
    super(reason);
    this.reason = reason;
    this.closeCode = reason === "unavailable" ? 1013 : 4401;
  }
}

/**
 * A credential that an open connection holds.
 *
 * @internal
 */
export interface Watched {
  readonly query: RevocationQuery;
  /** Whether it has expired; a session may have been used meanwhile. */
  isExpired(): boolean | Promise<boolean>;
}

interface Watch {
  readonly watched: Watched;
  readonly abort: AbortController;
  isAsking: boolean;
}

/** How often expiry is looked at. A timer does not count a suspend, and a clock can be set. */
const SWEEP = 1000;

/** @internal */
export class Endings {
  /** The open watches by each subject that can revoke them. */
  readonly #bySubject = new Map<string, Set<Watch>>();
  readonly #all = new Set<Watch>();
  #sweep: NodeJS.Timeout | undefined;

  /** Returns the signal, and functions that fire it and that forget it when the connection is closed. */
  watch(watched: Watched): { signal: AbortSignal; release: () => void; end: (reason: EndReason) => void } {
    const watch: Watch = { watched, abort: new AbortController(), isAsking: false };
    this.#all.add(watch);
    for (const subject of subjectsOf(watch)) {
      const watches = this.#bySubject.get(subject) ?? new Set();
      this.#bySubject.set(subject, watches.add(watch));
    }
    this.#sweep ??= setInterval(() => this.#sweepExpired(), SWEEP).unref();
    const [release, end] = [() => this.#forget(watch), (reason: EndReason) => this.#end(watch, reason)];
    return { signal: watch.abort.signal, release, end };
  }

  get size(): number {
    return this.#all.size;
  }

  /** Ends what these entries revoke. */
  revoke(entries: readonly RevocationEntry[]): void {
    for (const entry of entries) {
      for (const watch of [...(this.#bySubject.get(entry.subject) ?? [])]) {
        if (entryRevokes(entry, watch.watched.query)) this.#end(watch, reasonOf(entry.subject));
      }
    }
  }

  /** Ends everything: nothing says any more what is revoked. */
  endAll(reason: EndReason): void {
    for (const watch of [...this.#all]) this.#end(watch, reason);
  }

  #sweepExpired(): void {
    for (const watch of this.#all) {
      if (!watch.isAsking) void this.#checkExpiry(watch);
    }
  }

  async #checkExpiry(watch: Watch): Promise<void> {
    const result = watch.watched.isExpired();
    if (typeof result === "boolean") {
      if (result) this.#end(watch, "expired");
      return;
    }
    watch.isAsking = true;
    const reason = await result.then((isExpired) => (isExpired ? "expired" : undefined), () => "unavailable" as const);
    watch.isAsking = false;
    if (reason) this.#end(watch, reason);
  }

  #end(watch: Watch, reason: EndReason): void {
    if (!this.#all.has(watch)) return;
    this.#forget(watch);
    watch.abort.abort(new CredentialEnd(reason));
  }

  #forget(watch: Watch): void {
    this.#all.delete(watch);
    for (const subject of subjectsOf(watch)) {
      const watches = this.#bySubject.get(subject);
      watches?.delete(watch);
      if (watches?.size === 0) this.#bySubject.delete(subject);
    }
    if (this.#all.size === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
  }
}

function subjectsOf({ watched: { query } }: Watch): string[] {
  return [...query.always, ...query.before];
}

/** After a user, token or key entry the session may continue: the client refreshes. */
function reasonOf(subject: string): EndReason {
  return /^(user|token|key):/.test(subject) ? "revoked" : "session_ended";
}
