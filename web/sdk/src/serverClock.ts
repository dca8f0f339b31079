/**
 * The server's time, whatever the clock of this device says, and though somebody sets that clock meanwhile.
 */
export class ServerClock {
  /* Of the server's clock when performance.now() was 0. */
  private zero: number | undefined;

  /** The server said what time it is. */
  told(now: number): void {
    this.zero = now - performance.now();
  }

  /** Ms since 1970; by the device's clock before the server said anything. */
  get now(): number {
    return this.zero === undefined ? Date.now() : this.zero + performance.now();
  }
}
