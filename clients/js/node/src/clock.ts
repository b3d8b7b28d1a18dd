/** Time: a reading of both clocks, and how much time has passed since one. */

/** The two clocks of a process. Tests replace them. */
export interface Clock {
  /** Unix milliseconds. It can be set, forward and back. */
  wall(): number;
  /** Milliseconds that only grow. In Node it stops while the machine is suspended. */
  monotonic(): number;
}

export const systemClock: Clock = { wall: () => Date.now(), monotonic: () => performance.now() };

/** Both clocks at one moment. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

export function readClock(clock: Clock): Moment {
  return { wall: clock.wall(), monotonic: clock.monotonic() };
}

/**
 * Milliseconds since `moment`: the larger of the two differences. The monotonic clock misses a suspend, and the wall clock
 * can be set back. A wall clock that is set forward only makes more time pass, which ends a lease early.
 */
export function elapsedSince(clock: Clock, moment: Moment): number {
  return Math.max(clock.monotonic() - moment.monotonic, clock.wall() - moment.wall);
}

/**
 * The later of two times: that of this machine, and the last one that the issuer told plus what has passed since. So a
 * machine whose clock is late accepts no token that has expired.
 */
export class IssuerClock {
  readonly #clock: Clock;
  /** The time of the issuer, in Unix milliseconds, when the monotonic clock was zero. It only grows. */
  #offset = -Infinity;
  /** The latest time that the issuer has told, in Unix seconds. */
  #told = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  tell(unixSeconds: number): void {
    this.#told = Math.max(this.#told, unixSeconds);
    this.#offset = Math.max(this.#offset, unixSeconds * 1000 - this.#clock.monotonic());
  }

  /** In Unix seconds, with fractions. */
  now(): number {
    return Math.max(this.#clock.wall(), this.#offset + this.#clock.monotonic()) / 1000;
  }

  /** In Unix seconds. It does not follow the wall clock: what is removed by it never comes back. */
  told(): number {
    return this.#told;
  }
}
