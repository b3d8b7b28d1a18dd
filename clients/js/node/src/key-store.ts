/** Fetches the public keys of the issuer, and keeps them when a fetch fails. */

import { createHash } from "node:crypto";

import { elapsedSince, type Moment, readClock } from "./clock.js";
import { HttpError, send } from "./http.js";
import { parseObject } from "./json.js";
import { KeySet, type VerifyingKey } from "./keys.js";
import type { Settings } from "./options.js";

const FETCH = { headTimeout: 5000, maxBytes: 256 * 1024 };

/** How long no fetch follows one that did not bring the key that a token names, in milliseconds. */
const COOLDOWN = 30_000;

/** The same while there are no keys at all. */
const RETRY = 1000;

/** Keys are used for this long, in milliseconds, if nothing announces new ones and every fetch fails. */
const MAX_AGE_UNFOLLOWED = 2 * 3_600_000;

/** After this long they are fetched again in the background. */
const REFRESH_UNFOLLOWED = 300_000;

export class KeyStore {
  readonly #settings: Settings;
  /** Whether the feed announces each new key set. */
  readonly #isFollowed: boolean;
  #keys: KeySet | undefined;
  /** The SHA-256 of the key set in use, as base64url. */
  #hash = "";
  /** The hash that the feed announced last. */
  #announced = "";
  #fetchedAt: Moment | undefined;
  #attemptedAt: Moment | undefined;
  #fetching: Promise<void> | undefined;

  constructor(settings: Settings, isFollowed: boolean) {
    this.#settings = settings;
    this.#isFollowed = isFollowed;
  }

  /**
   * The key for a token, or `undefined` if the issuer has no such key.
   *
   * @throws HttpError if there are no keys.
   */
  async find(algorithm: string, kid: string | undefined): Promise<VerifyingKey | undefined> {
    if (!this.#isFollowed) this.#refreshIfOld();
    const known = this.#keys?.find(algorithm, kid);
    if (known) return known;
    // A token with an invented id must not make a request each time.
    if (this.#mayFetch()) await this.#fetch("").catch(() => {});
    else await this.#fetching?.catch(() => {});
    if (!this.#keys) throw new HttpError("the keys of the issuer could not be fetched");
    return this.#keys.find(algorithm, kid);
  }

  /** Whether the set in use has this key. */
  isCurrent(key: VerifyingKey): boolean {
    if (!this.#isFollowed) this.#refreshIfOld();
    return this.#keys?.find(key.algorithm, key.kid) === key;
  }

  /** Takes the hash of the key set that the feed announces. A new set is fetched at once, and used only if its hash is this. */
  async announce(hash: string): Promise<void> {
    if (hash === "" || hash === this.#hash) return;
    // The feed announces it again with each answer, so a failed fetch is repeated.
    const isSoon = this.#attemptedAt && elapsedSince(this.#settings.clock, this.#attemptedAt) < RETRY;
    if (hash === this.#announced && (this.#fetching || isSoon)) return;
    this.#announced = hash;
    await this.#fetching?.catch(() => {});
    if (hash !== this.#hash && hash === this.#announced) await this.#fetch(hash);
  }

  #mayFetch(): boolean {
    if (this.#fetching) return false;
    const pause = this.#keys ? COOLDOWN : RETRY;
    return !this.#attemptedAt || elapsedSince(this.#settings.clock, this.#attemptedAt) >= pause;
  }

  #refreshIfOld(): void {
    if (!this.#keys || !this.#fetchedAt) return;
    const age = elapsedSince(this.#settings.clock, this.#fetchedAt);
    if (age >= MAX_AGE_UNFOLLOWED) this.#keys = undefined;
    else if (age >= REFRESH_UNFOLLOWED && this.#mayFetch()) this.#fetch("").catch(() => {});
  }

  #fetch(hash: string): Promise<void> {
    this.#attemptedAt = readClock(this.#settings.clock);
    const fetching = this.#load(hash).finally(() => {
      if (this.#fetching === fetching) this.#fetching = undefined;
    });
    this.#fetching = fetching;
    return fetching;
  }

  async #load(hash: string): Promise<void> {
    // The URL is made of settings only: nothing in a token or in an answer leads to another server.
    const query = hash === "" ? "" : `?v=${encodeURIComponent(hash)}`;
    const url = `${this.#settings.upstream}/.well-known/jwks.json${query}`;
    const { status, body } = await send(url, { headers: { accept: "application/json" } }, FETCH);
    if (status !== 200) throw new HttpError(`the keys of the issuer were answered with status ${status}`);
    const actual = createHash("sha256").update(body).digest("base64url");
    if (hash !== "" && actual !== hash) throw new HttpError("the key set has another hash than the feed announced");
    const keys = await KeySet.read(parseObject(body), this.#settings.algorithms);
    if (keys.size === 0) throw new HttpError("the key set has no key for the allowed algorithms");
    // The same set keeps its keys, and so the tokens that they have verified.
    if (actual !== this.#hash || !this.#keys) this.#keys = keys;
    [this.#hash, this.#fetchedAt] = [actual, readClock(this.#settings.clock)];
  }
}
