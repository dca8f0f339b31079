import { describe, expect, it, vi } from "vitest";
import type { PeoplePageReply, RosterEvent } from "../src/protocol.js";
import { Roster } from "../src/roster.js";
import { person, settle } from "./fakes.js";

const people = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => person(from + i, `P${from + i}`));
const page = (from: number, to: number, more: boolean): PeoplePageReply => ({ type: "people_page", id: 0, participants: people(from, to), more });
const news = (change: Partial<RosterEvent>): RosterEvent => ({
  type: "roster",
  joined: [],
  changed: [],
  left: [],
  reactions: [],
  total: 0,
  viewers: 0,
  ...change,
});

/* Pages of a room with people 1 to `count`, a hundred each. */
function pagesOf(count: number) {
  return vi.fn((after: number) => Promise.resolve(page(after + 1, Math.min(count, after + 100), after + 100 < count)));
}

describe("a large room", () => {
  it("is fetched page by page", async () => {
    const fetch = pagesOf(250);
    const roster = new Roster(fetch);
    roster.replace({ participants: people(1, 100), total: 250, viewers: 0 });
    await settle();
    expect(fetch.mock.calls).toEqual([[0], [100], [200]]);
    expect(roster.people.size).toBe(250);
    expect(roster.total).toBe(250);
  });

  it("needs no pages when everybody is listed, viewers not counted", async () => {
    const fetch = pagesOf(60);
    const roster = new Roster(fetch);
    roster.replace({ participants: people(1, 60), total: 60, viewers: 7 });
    await settle();
    expect(fetch).not.toHaveBeenCalled();
    expect([roster.total, roster.viewers]).toEqual([60, 7]);
  });

  it("needs no pages for a viewer, who is on the list beside those who are counted", async () => {
    const fetch = pagesOf(60);
    const roster = new Roster(fetch);
    roster.replace({ participants: [...people(1, 60), person(90, "Me")], total: 60, viewers: 7 });
    await settle();
    expect(fetch).not.toHaveBeenCalled();
    expect(roster.people.size).toBe(61);
  });

  it("is fetched to the last page, however many only watch", async () => {
    const fetch = pagesOf(130);
    const roster = new Roster(fetch);
    roster.replace({ participants: people(1, 100), total: 130, viewers: 40 });
    await settle();
    expect(fetch.mock.calls).toEqual([[0], [100]]);
    expect(roster.people.size).toBe(130);
    const left = vi.fn();
    roster.on("left", left);
    roster.replace({ participants: people(1, 100), total: 130, viewers: 40 });
    await settle();
    expect(left).not.toHaveBeenCalled();
    expect(roster.people.size).toBe(130);
  });

  it("drops the pages of a room that was left meanwhile", async () => {
    const roster = new Roster(pagesOf(250));
    roster.replace({ participants: people(1, 100), total: 250, viewers: 0 });
    roster.restart({ participants: [person(1, "P1")], total: 1, viewers: 0 });
    await settle();
    expect(roster.people.size).toBe(1);
  });

  it("tells after a resume who left only when every page was seen", async () => {
    const roster = new Roster(pagesOf(250));
    roster.replace({ participants: people(1, 100), total: 250, viewers: 0 });
    roster.apply(news({ joined: [person(300, "Gone")], total: 251 }));
    await settle();
    const left = vi.fn();
    roster.on("left", left);
    roster.replace({ participants: people(1, 100), total: 250, viewers: 0 });
    expect(left).not.toHaveBeenCalled();
    await settle();
    expect(left).toHaveBeenCalledExactlyOnceWith({ participant: person(300, "Gone"), reason: "left" });
    expect(roster.people.size).toBe(250);
  });

  it("does not ask for ever when a page brings nothing new", async () => {
    const fetch = vi.fn(() => Promise.resolve(page(1, 100, true)));
    const roster = new Roster(fetch);
    roster.replace({ participants: people(1, 100), total: 200, viewers: 0 });
    await settle();
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it("lives with a page that is refused", async () => {
    const roster = new Roster(() => Promise.reject(new Error("lost")));
    roster.replace({ participants: people(1, 100), total: 200, viewers: 0 });
    await settle();
    expect(roster.people.size).toBe(100);
  });
});

describe("another room", () => {
  it("has other people, of whom none came or left", () => {
    const roster = new Roster(pagesOf(1));
    roster.replace({ participants: people(1, 3), total: 3, viewers: 0 });
    const told = vi.fn();
    roster.on("left", told);
    roster.on("joined", told);
    roster.restart({ participants: [person(1, "P1"), person(9, "P9")], total: 2, viewers: 0 });
    expect(told).not.toHaveBeenCalled();
    expect([...roster.people.keys()]).toEqual([1, 9]);
    expect([roster.nameOf(2), roster.nameOf(9), roster.nameOf(10)]).toEqual(["P2", "P9", undefined]);
  });
});

it("tells reactions of one message one by one", () => {
  const roster = new Roster(pagesOf(1));
  const kinds: string[] = [];
  roster.on("reaction", ({ kind }) => kinds.push(kind));
  roster.apply(news({ reactions: [{ participant: 1, kind: "clap" }, { participant: 2, kind: "heart" }] }));
  expect(kinds).toEqual(["clap", "heart"]);
});
