export interface BackoffOptions {
  /** First delay in ms. */
  first: number;
  /** Greatest delay in ms. */
  most: number;
  random: () => number;
}

/**
 * Delays that double from try to try, each shortened by up to half at random, so that the clients of a restarted
 * server do not all come back in the same moment.
 */
export class Backoff {
  private tries = 0;

  constructor(private readonly options: BackoffOptions = { first: 400, most: 10_000, random: Math.random }) {}

  next(): number {
    const { first, most, random } = this.options;
    const delay = Math.min(most, first * 2 ** Math.min(this.tries, 20));
    this.tries++;
    return delay * (1 - random() / 2);
  }

  reset(): void {
    this.tries = 0;
  }
}
