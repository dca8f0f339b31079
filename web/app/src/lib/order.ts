/**
 * In which order people stand. Whoever is there keeps their place; newcomers go to the end; a speaker who is out of sight
 * takes the place of the one in sight who has been silent for longest.
 */
export class SpeakerOrder {
  private order: number[] = [];
  private readonly spokeAt = new Map<number, number>();
  private turn = 0;

  update(present: readonly number[], speaker: number | undefined, inSight: number): readonly number[] {
    const here = new Set(present);
    const kept = this.order.filter((id) => here.has(id));
    const known = new Set(kept);
    this.order = [...kept, ...present.filter((id) => !known.has(id))];
    for (const id of this.spokeAt.keys()) if (!here.has(id)) this.spokeAt.delete(id);
    if (speaker !== undefined && here.has(speaker)) {
      this.spokeAt.set(speaker, ++this.turn);
      this.bringIntoSight(speaker, inSight);
    }
    return this.order;
  }

  private bringIntoSight(speaker: number, inSight: number): void {
    const from = this.order.indexOf(speaker);
    if (from < inSight || inSight < 1) return;
    let to = 0;
    for (let i = 1; i < inSight; i++) if (this.lastSpoke(i) < this.lastSpoke(to)) to = i;
    const silent = this.order[to];
    if (silent === undefined) return;
    this.order[to] = speaker;
    this.order[from] = silent;
  }

  private lastSpoke(index: number): number {
    return this.spokeAt.get(this.order[index] ?? 0) ?? 0;
  }
}

/** What is there, in the order of coming: those known before first, newcomers last. The same array while nothing changes. */
export function byArrival(known: readonly string[], present: readonly string[]): readonly string[] {
  const kept = known.filter((key) => present.includes(key));
  const arrived = present.filter((key) => !known.includes(key));
  return arrived.length === 0 && kept.length === known.length ? known : [...kept, ...arrived];
}
