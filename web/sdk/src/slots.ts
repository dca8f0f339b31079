import type { Slot, SlotLine, SlotReason, SlotState, Source } from "./protocol.js";

/** One showing of somebody's track in a slot: from the moment the server puts it there until it shows something else. */
export interface Showing {
  readonly mid: string;
  readonly participant: number;
  readonly source: Source;
  readonly state: SlotState;
  /** Why it is paused; "none" while it is not. It goes on by itself. */
  readonly reason: SlotReason;
  /** Pixels of the forwarded encoding; 0 when unknown. */
  readonly width: number;
  readonly height: number;
  /** RTP timestamp of the first packet of this showing, when known. */
  readonly firstTs: number | undefined;
}

export interface SlotChanges {
  detached: Showing[];
  attached: Showing[];
  changed: Showing[];
}

/** What every slot shows, from the server's `slots` events. */
export class SlotMap {
  private readonly lines = new Map<string, SlotLine>();
  private readonly shown = new Map<string, Showing>();

  /** The slots of a new connection. What the old one showed is over. */
  reset(lines: readonly SlotLine[]): Showing[] {
    const gone = [...this.shown.values()];
    this.shown.clear();
    this.lines.clear();
    for (const line of lines) this.lines.set(line.mid, line);
    return gone;
  }

  /** Nothing is shown any more; the slots themselves stand. */
  clear(): Showing[] {
    const gone = [...this.shown.values()];
    this.shown.clear();
    return gone;
  }

  /** More slots on the same connection. */
  extend(lines: readonly SlotLine[]): void {
    for (const line of lines) this.lines.set(line.mid, line);
  }

  line(mid: string): SlotLine | undefined {
    return this.lines.get(mid);
  }

  showing(mid: string): Showing | undefined {
    return this.shown.get(mid);
  }

  all(): Showing[] {
    return [...this.shown.values()];
  }

  apply(slots: readonly Slot[]): SlotChanges {
    const changes: SlotChanges = { detached: [], attached: [], changed: [] };
    for (const slot of slots) {
      const before = this.shown.get(slot.mid);
      const after = this.lines.has(slot.mid) ? toShowing(slot) : undefined;
      if (after) this.shown.set(slot.mid, after);
      else this.shown.delete(slot.mid);
      if (before && after && isSame(before, after)) changes.changed.push(after);
      else {
        if (before) changes.detached.push(before);
        if (after) changes.attached.push(after);
      }
    }
    return changes;
  }
}

function isSame(a: Showing, b: Showing): boolean {
  return a.participant === b.participant && a.source === b.source;
}

function toShowing(slot: Slot): Showing | undefined {
  if (slot.state === "empty" || slot.participant === undefined || slot.source === undefined) return undefined;
  return {
    mid: slot.mid,
    participant: slot.participant,
    source: slot.source,
    state: slot.state,
    reason: slot.reason ?? "none",
    width: slot.width ?? 0,
    height: slot.height ?? 0,
    firstTs: slot.first_ts,
  };
}
