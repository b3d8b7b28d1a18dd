/** Follows the revocation feed: polls it, publishes the entries, and knows until when this process may rely on them. */

import { randomUUID } from "node:crypto";

import { elapsedSince, type IssuerClock, type Moment, readClock } from "./clock.js";
import { type FeedAnswer, parseFeedAnswer } from "./feed-answer.js";
import { oneLine, send } from "./http.js";
import type { KeyStore } from "./key-store.js";
import type { Settings } from "./options.js";
import { type RevocationEntry, Revocations } from "./revocations.js";

/** The issuer sends at most 16,384 entries at once, which take about 1.5 MB. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The longest wait of a poll, so that a dead connection is noticed. */
const MAX_WAIT = 30_000;

/** The least time between two polls. */
const MIN_INTERVAL = 5;

/** The pause after an answer that came early with nothing new, as those of an issuer that shuts down. */
const EARLY_PAUSE = 100;

const FIRST_BACKOFF = 100;
const MAX_BACKOFF = 600;
/** After a refusal that only an operator can end, such as a removed verifier key. */
const MAX_BACKOFF_REFUSED = 5000;
const MAX_RETRY_AFTER = 60_000;

/** Whether this process knows the latest revocations. */
export interface Freshness {
  readonly fresh: boolean;
  /** How old the known revocations may be, in milliseconds; `null` before the first complete answer. */
  readonly lagMs: number | null;
  readonly position: number | null;
  readonly entries: number;
  readonly polls: number;
  readonly failedPolls: number;
  /** Why the last poll failed, for an operator. */
  readonly lastError: string | null;
}

/**
 * What the feed reports.
 *
 * @internal
 */
export interface FeedListener {
  /** The entries are in force. */
  published(entries: readonly RevocationEntry[]): void;
  /** The lease has ended. */
  stale(): void;
}

class PollError extends Error {
  constructor(message: string, readonly isRefusal = false, readonly retryAfter = 0) {
    super(message);
  }
}

/** @internal */
export class Feed {
  readonly revocations = new Revocations();
  readonly #settings: Settings;
  readonly #authorization: string;
  readonly #clock: IssuerClock;
  readonly #keys: KeyStore;
  readonly #listener: FeedListener;
  /** Drawn by this process: leases and acknowledgements belong to it. */
  readonly #instance = randomUUID();
  readonly #closed = new AbortController();
  #polls = 0;
  #failedPolls = 0;
  #failures = 0;
  #lastError: string | null = null;
  #position: { after: number; log: string } | undefined;
  /** The lease: from the moment at which the poll was sent. */
  #lease: { sent: Moment; length: number } | undefined;
  #prunedAt = 0;
  #wasFresh: boolean | undefined;
  #staleTimer: NodeJS.Timeout | undefined;
  #waiting: (() => void)[] = [];

  constructor(settings: Settings, verifierKey: string, clock: IssuerClock, keys: KeyStore, listener: FeedListener) {
    this.#settings = settings;
    this.#authorization = `Bearer ${verifierKey}`;
    this.#clock = clock;
    this.#keys = keys;
    this.#listener = listener;
  }

  start(): void {
    void this.#run();
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#staleTimer);
    this.#lease = undefined;
    this.#listener.stale();
    this.#wake();
  }

  /** Whether a credential may be accepted by what is published now. `extra` is added to the lease, in milliseconds. */
  isFresh(extra = 0): boolean {
    return this.#lease !== undefined && elapsedSince(this.#settings.clock, this.#lease.sent) < this.#lease.length + extra;
  }

  /** Waits until the whole log is known, or until the feed is closed. */
  async ready(): Promise<void> {
    while (!this.isFresh() && !this.#closed.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  freshness(): Freshness {
    const lease = this.#lease;
    return {
      fresh: this.isFresh(),
      lagMs: lease ? Math.max(0, Math.round(elapsedSince(this.#settings.clock, lease.sent))) : null,
      position: this.#position?.after ?? null,
      entries: this.revocations.size,
      polls: this.#polls,
      failedPolls: this.#failedPolls,
      lastError: this.#lastError,
    };
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      let pause: number;
      try {
        pause = await this.#poll();
        this.#failures = 0;
        this.#lastError = null;
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        pause = this.#fail(error);
      }
      this.#reportFreshness();
      await this.#sleep(pause);
    }
  }

  /** Sends one poll and publishes its answer. Returns the pause before the next one. */
  async #poll(): Promise<number> {
    const { clock } = this.#settings;
    const poll = ++this.#polls;
    const lease = this.#lease?.length;
    // While something is amiss the issuer answers at once, so that this process is fresh as soon as possible.
    const wait = lease && this.#failures === 0 && this.isFresh() ? Math.min(Math.floor(lease / 3), MAX_WAIT) : 0;
    const sent = readClock(clock);
    const answer = await this.#send(poll, wait, lease);
    // A delayed or repeated answer would renew a lease that the issuer does not know.
    if (answer.instance !== this.#instance || answer.poll !== poll) throw new PollError("the answer is of another poll");
    const isComplete = answer.next === answer.head;
    const isProgress =
      answer.entries.length > 0 || answer.log !== this.#position?.log || answer.next !== this.#position.after;
    if (!isComplete && !isProgress) throw new PollError("the answer makes no progress");
    this.#publish(answer, isComplete ? sent : undefined);
    const isEarly = isComplete && answer.entries.length === 0 && !answer.snapshot && elapsedSince(clock, sent) < wait / 4;
    return isEarly || answer.lease === 0 ? EARLY_PAUSE : MIN_INTERVAL;
  }

  async #send(poll: number, wait: number, lease: number | undefined): Promise<FeedAnswer> {
    const query = new URLSearchParams({ instance: this.#instance, poll: String(poll), wait: String(wait) });
    if (this.#position) {
      query.set("after", String(this.#position.after));
      query.set("log", this.#position.log);
    }
    const stale = Math.ceil(this.#settings.acceptStaleMs / 1000);
    if (stale > 0) query.set("stale", String(stale));
    const headers = { authorization: this.#authorization, accept: "application/json" };
    const headTimeout = wait + Math.min(Math.max((lease ?? 3000) / 3, 500), 1000);
    const init = { headers, signal: this.#closed.signal };
    const answer = await send(`${this.#settings.upstream}/v1/feed?${query}`, init, { headTimeout, maxBytes: MAX_BYTES });
    if (answer.status !== 200) throw refused(answer.status, answer.headers, answer.body);
    return parseFeedAnswer(answer.body);
  }

  /** In one tick: entries first, then the lease. */
  #publish(answer: FeedAnswer, complete: Moment | undefined): void {
    if (this.#closed.signal.aborted) return;
    this.#clock.tell(answer.now);
    if (this.#clock.told() >= this.#prunedAt + 10) {
      this.#prunedAt = this.#clock.told();
      this.revocations.prune(this.#prunedAt);
    }
    this.revocations.merge(answer.entries);
    if (this.revocations.size > this.#settings.maxRevocations) {
      throw new PollError(`there are more than ${this.#settings.maxRevocations} revocations (\`maxRevocations\`)`, true);
    }
    this.#position = { after: answer.next, log: answer.log };
    if (complete) this.#lease = { sent: complete, length: answer.lease };
    this.#listener.published(answer.entries);
    this.#keys.announce(answer.keys).catch((error: Error) => {
      this.#settings.log(`counterfoil: the new keys of the issuer could not be fetched: ${oneLine(error.message)}`);
    });
  }

  #fail(error: unknown): number {
    this.#failures += 1;
    this.#failedPolls += 1;
    this.#lastError = oneLine(error instanceof Error ? error.message : "unknown");
    const { isRefusal = false, retryAfter = 0 } = error instanceof PollError ? error : {};
    const longest = Math.min(
      FIRST_BACKOFF * 2 ** Math.min(this.#failures - 1, 10),
      isRefusal ? MAX_BACKOFF_REFUSED : MAX_BACKOFF,
    );
    return Math.max(longest / 2 + (longest / 2) * Math.random(), retryAfter * (1 + Math.random() / 4));
  }

  #reportFreshness(): void {
    const isFresh = this.isFresh();
    clearTimeout(this.#staleTimer);
    // Also after a failed poll: a connection that nothing can end must not stay open.
    if (this.#lease) {
      const left = this.#lease.length + this.#settings.acceptStaleMs - elapsedSince(this.#settings.clock, this.#lease.sent);
      if (left > 0) this.#staleTimer = setTimeout(() => this.#becomeStale(), Math.max(left, 1)).unref();
      else this.#listener.stale();
    }
    if (isFresh) this.#wake();
    if (isFresh && this.#wasFresh === false) this.#settings.log("counterfoil: the revocations are fresh again");
    if (!isFresh && this.#wasFresh !== false && this.#failures > 0) this.#reportStale();
    if (isFresh) this.#wasFresh = true;
  }

  #becomeStale(): void {
    if (this.isFresh(this.#settings.acceptStaleMs)) return this.#reportFreshness();
    if (this.#wasFresh) this.#reportStale();
    this.#listener.stale();
  }

  #reportStale(): void {
    this.#wasFresh = false;
    const reason = this.#lastError ?? "the issuer has not answered for the time of the lease";
    this.#settings.log(`counterfoil: the revocations are stale: ${reason}`);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Does not keep the process alive. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#closed.signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      timer.unref();
      this.#closed.signal.addEventListener("abort", end);
    });
  }
}

function refused(status: number, headers: Headers, body: Uint8Array): PollError {
  let detail = "";
  try {
    const problem = JSON.parse(Buffer.from(body.subarray(0, 4096)).toString("utf8"));
    const field = problem.errors?.[0];
    detail = `: ${oneLine(field ? `\`${field.field}\` ${field.detail}` : String(problem.detail))}`;
  } catch {
    // The status alone says enough.
  }
  const seconds = Number(headers.get("retry-after"));
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER) : 0;
  const isRefusal = status < 500 && ![408, 425, 429].includes(status);
  return new PollError(`the issuer refused the poll with status ${status}${detail}`, isRefusal, retryAfter);
}
