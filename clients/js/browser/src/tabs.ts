/** What the tabs of one origin share: times, messages and the lock for a refresh. Never a credential. */

import type { Change } from "./client.js";

/** How long a tab waits for another one that refreshes, in milliseconds. Then it refreshes without the lock. */
const MAX_WAIT = 2000;

/** How long a tab shows by a lock that it has refreshed, in milliseconds. Storage reaches the other tabs in less. */
const SHOWN = 5000;

/** What is stored for other tabs. */
export interface SharedTimes {
  /** The id of the session. It is no secret. */
  session?: string | undefined;
  /** When the credentials were received last, in Unix milliseconds. */
  received: number;
  /** When the access token expires, in Unix milliseconds. */
  expires: number;
  /** When the session ends if it is not used, in Unix milliseconds. */
  ends: number;
}

/** The other tabs. Without `isShared`, for credentials that only this tab has, there are none. */
export class Tabs {
  readonly #name: string;
  readonly #channel: BroadcastChannel | undefined;
  /** Where there is no storage, and for a tab of its own. */
  #own: SharedTimes | undefined;
  readonly #isShared: boolean;

  constructor(issuer: string, isShared: boolean, onMessage: (change: Change) => void) {
    this.#name = `counterfoil:${issuer}`;
    this.#isShared = isShared;
    if (!isShared || typeof BroadcastChannel === "undefined") return;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => onMessage(data);
  }

  get times(): SharedTimes | undefined {
    if (!this.#isShared) return this.#own;
    try {
      return JSON.parse(localStorage.getItem(this.#name) ?? "null") ?? undefined;
    } catch {
      return this.#own;
    }
  }

  set times(times: SharedTimes | undefined) {
    this.#own = times;
    if (!this.#isShared) return;
    try {
      if (times) localStorage.setItem(this.#name, JSON.stringify(times));
      else localStorage.removeItem(this.#name);
    } catch {
      // Storage is turned off or full: each tab has its own times, and may refresh once more.
    }
  }

  send(change: Change): void {
    this.#channel?.postMessage(change);
  }

  close(): void {
    this.#channel?.close();
  }

  /**
   * When credentials were received last, by any tab. Storage alone is not enough: what one tab has written, another one may
   * read some milliseconds later. Locks are the same for all tabs at any moment.
   */
  async lastReceived(): Promise<number | undefined> {
    const { held = [] } = this.#hasLocks ? await navigator.locks.query() : {};
    const shown = held.map(({ name }) => (name?.startsWith(`${this.#name}#`) ? Number(name.slice(this.#name.length + 1)) : 0));
    return Math.max(this.times?.received ?? 0, ...shown) || undefined;
  }

  /** Shows to the other tabs that credentials were received, before the lock of `exclusively` is given back. */
  async show(received: number): Promise<void> {
    if (!this.#hasLocks) return;
    await new Promise<void>((granted) => {
      void navigator.locks.request(`${this.#name}#${received}`, { mode: "shared" }, () => {
        granted();
        return new Promise((release) => setTimeout(release, SHOWN));
      });
    });
  }

  get #hasLocks(): boolean {
    return this.#isShared && typeof navigator !== "undefined" && navigator.locks !== undefined;
  }

  /** Runs `task` while no other tab runs one. If that takes too long, it runs all the same. */
  async exclusively<T>(task: () => Promise<T>): Promise<T> {
    if (!this.#hasLocks) return task();
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), MAX_WAIT);
    let hasStarted = false;
    try {
      return await navigator.locks.request(this.#name, { signal: patience.signal }, () => {
        hasStarted = true;
        clearTimeout(timer);
        return task();
      });
    } catch (error) {
      if (hasStarted) throw error;
      return task();
    } finally {
      clearTimeout(timer);
    }
  }
}
