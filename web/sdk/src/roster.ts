import { Emitter } from "./emitter.js";
import { PEOPLE_PAGE, type LeaveReason, type Participant, type PeoplePageReply, type Reaction, type RosterEvent } from "./protocol.js";

/** A sign of one participant, as it reaches everybody. */
export type { Reaction };

/** What is told of the people when one enters, comes back or is moved. */
export interface RosterStart {
  participants: readonly Participant[];
  total: number;
  viewers: number;
}

export interface RosterEvents {
  joined: Participant;
  changed: Participant;
  left: { participant: Participant; reason: LeaveReason };
  reaction: Reaction;
  /** Anything changed. */
  people: ReadonlyMap<number, Participant>;
}

/** The people of a room. Large rooms are told in pages, which are fetched one after the other. */
export class Roster extends Emitter<RosterEvents> {
  private readonly list = new Map<number, Participant>();
  private readonly names = new Map<number, string>();
  private present = 0;
  private watching = 0;
  /* Those of before a resume who were not named since. */
  private readonly doubtful = new Set<number>();
  /* Pages that were asked for of an earlier room or session are void. */
  private generation = 0;

  constructor(private readonly fetchPage: (after: number) => Promise<PeoplePageReply>) {
    super();
  }

  get people(): ReadonlyMap<number, Participant> {
    return this.list;
  }

  /** How many are present and listed, those on pages that are not there yet included. */
  get total(): number {
    return this.present;
  }

  /** How many more watch without being listed. */
  get viewers(): number {
    return this.watching;
  }

  /** The name under which somebody was last seen in any room of this meeting. */
  nameOf(id: number): string | undefined {
    return this.names.get(id);
  }

  /** Come back to the same room: who is missing has left, who is new has come. */
  replace(start: RosterStart): void {
    const before = new Map(this.list);
    this.forget();
    for (const person of start.participants) this.put(person);
    const complete = this.count(start);
    /* Whoever is on a page that is not there yet has not left. */
    for (const person of before.values()) {
      if (this.list.has(person.id)) continue;
      if (complete) this.emit("left", { participant: person, reason: "left" });
      else {
        this.list.set(person.id, person);
        this.doubtful.add(person.id);
      }
    }
    for (const person of start.participants) if (!before.has(person.id)) this.emit("joined", person);
    this.emit("people", this.list);
    if (!complete) void this.fetchRest();
  }

  /** Another room: nobody comes or goes, the people are others. */
  restart(start: RosterStart): void {
    this.forget();
    for (const person of start.participants) this.put(person);
    const complete = this.count(start);
    this.emit("people", this.list);
    if (!complete) void this.fetchRest();
  }

  apply(news: RosterEvent): void {
    this.present = news.total;
    this.watching = news.viewers;
    for (const { participant, reason } of news.left) this.remove(participant, reason);
    for (const person of [...news.joined, ...news.changed]) {
      const isNew = !this.list.has(person.id);
      this.put(person);
      this.emit(isNew ? "joined" : "changed", person);
    }
    this.emit("people", this.list);
    for (const reaction of news.reactions) this.emit("reaction", reaction);
  }

  private forget(): void {
    this.generation++;
    this.list.clear();
    this.doubtful.clear();
  }

  /* A list that is not full is all there is. Numbers do not tell: one's own entry is on it though one may be a viewer who is only counted. */
  private count({ participants, total, viewers }: RosterStart): boolean {
    this.present = total;
    this.watching = viewers;
    return participants.length < PEOPLE_PAGE;
  }

  private put(person: Participant): void {
    this.doubtful.delete(person.id);
    this.list.set(person.id, person);
    this.names.set(person.id, person.name);
  }

  private remove(id: number, reason: LeaveReason): void {
    const participant = this.list.get(id);
    if (!participant) return;
    this.list.delete(id);
    this.emit("left", { participant, reason });
  }

  /* Pages and events come over one socket in order, so whatever came last is true. */
  private async fetchRest(): Promise<void> {
    const { generation } = this;
    try {
      for (let after = 0, more = true; more; ) {
        const page = await this.fetchPage(after);
        if (generation !== this.generation) return;
        for (const person of page.participants) this.put(person);
        const last = page.participants.at(-1)?.id ?? 0;
        /* A page without progress would be asked for again for ever. */
        more = page.more && last > after;
        after = last;
        this.emit("people", this.list);
      }
    } catch {
      /* The socket broke or the room is gone: whoever comes back is told anew. */
      return;
    }
    for (const id of [...this.doubtful]) this.remove(id, "left");
    this.emit("people", this.list);
  }
}
