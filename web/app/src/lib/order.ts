/**
 * In which order people stand. Whoever is there keeps their place; newcomers go to the end; a speaker who is out of sight
 * takes the place of the one in sight who has been silent for longest. Whoever is shown apart from the others has a place,
 * too, to come back to.
 */
export class SpeakerOrder {
  private order: number[] = [];
  private readonly spokeAt = new Map<number, number>();
  private turn = 0;

  /** @param inSight how many of those who are not apart */
  update(present: readonly number[], speaker: number | undefined, inSight: number, apart?: number): readonly number[] {
    const here = new Set(present);
    const kept = this.order.filter((id) => here.has(id));
    const known = new Set(kept);
    this.order = [...kept, ...present.filter((id) => !known.has(id))];
    for (const id of this.spokeAt.keys()) if (!here.has(id)) this.spokeAt.delete(id);
    if (speaker !== undefined && here.has(speaker)) {
      this.spokeAt.set(speaker, ++this.turn);
      if (speaker !== apart) this.bringIntoSight(speaker, inSight, apart);
    }
    return this.order;
  }

  private bringIntoSight(speaker: number, inSight: number, apart: number | undefined): void {
    const seen = this.order.filter((id) => id !== apart).slice(0, inSight);
    const [first] = seen;
    if (first === undefined || seen.includes(speaker)) return;
    const silent = seen.reduce((longest, id) => (this.lastSpoke(id) < this.lastSpoke(longest) ? id : longest), first);
    const [to, from] = [this.order.indexOf(silent), this.order.indexOf(speaker)];
    this.order[to] = speaker;
    this.order[from] = silent;
  }

  private lastSpoke(id: number): number {
    return this.spokeAt.get(id) ?? 0;
  }
}

/** What is there, in the order of coming: those known before first, newcomers last. The same array while nothing changes. */
export function byArrival(known: readonly string[], present: readonly string[]): readonly string[] {
  const kept = known.filter((key) => present.includes(key));
  const arrived = present.filter((key) => !known.includes(key));
  return arrived.length === 0 && kept.length === known.length ? known : [...kept, ...arrived];
}
