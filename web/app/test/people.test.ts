import type { Participant, Role } from "@plenum/sdk";
import { describe, expect, it, vi } from "vitest";
import { timeLeft } from "../src/lib/clock.js";
import type { Session } from "../src/lib/session.js";
import { actionsFor } from "../src/meeting/personActions.js";
import { de } from "../src/messages.de.js";
import { en, setMessages } from "../src/messages.js";
import { changesOf } from "../src/meeting/RulesDialog.js";

function person(change: Partial<Participant> = {}): Participant {
  return { id: 2, name: "Bob", role: "speaker", joined_at: 0, tracks: [], may_speak: true, may_show: true, may_share: true, ...change };
}

function idsFor(role: Role, whom: Participant, mayWhisper = true): string[] {
  const session = { meeting: { moderation: {} } } as Session;
  return actionsFor(whom, { session, role, localId: 1, mayWhisper, onWhisper: vi.fn(), onRemove: vi.fn() }).map((item) => item.id);
}

describe("what may be done with somebody", () => {
  it("is to write privately, for whoever does not lead", () => {
    expect(idsFor("speaker", person())).toEqual(["whisper"]);
    expect(idsFor("viewer", person(), false)).toEqual([]);
    expect(idsFor("speaker", person({ role: "moderator" }), false)).toEqual(["whisper"]);
    expect(idsFor("speaker", person({ id: 1 }))).toEqual([]);
  });

  it("follows what they send, and what is permitted", () => {
    const sending = person({ tracks: [{ source: "microphone", muted: false }, { source: "screen", muted: false }], may_show: false, hand: 3 });
    expect(idsFor("moderator", sending)).toEqual([
      "whisper",
      "mute",
      "ask-camera",
      "stop-screen",
      "speak",
      "show",
      "share",
      "lower-hand",
      "make-moderator",
      "make-viewer",
      "remove",
    ]);
  });

  it("keeps moderators from unmaking each other, and owners from nothing", () => {
    expect(idsFor("moderator", person({ role: "moderator" })).filter((id) => id.startsWith("make"))).toEqual([]);
    expect(idsFor("owner", person({ role: "moderator" })).filter((id) => id.startsWith("make"))).toEqual(["make-owner", "make-speaker", "make-viewer"]);
    expect(idsFor("moderator", person({ role: "owner" }))).not.toContain("remove");
    expect(idsFor("moderator", person({ id: 1, role: "moderator" }))).toEqual(["make-speaker"]);
  });

  it("is said in the language that is spoken now", () => {
    const labels = () => {
      const session = { meeting: { moderation: {} } } as Session;
      return actionsFor(person(), { session, role: "owner", localId: 1, mayWhisper: true, onWhisper: vi.fn(), onRemove: vi.fn() }).map((item) => item.label);
    };
    const english = labels();
    setMessages(de);
    const german = labels();
    setMessages(en);
    expect(german).toHaveLength(english.length);
    expect(german.filter((label) => english.includes(label))).toEqual([]);
  });

  it("is no mute for who only watches", () => {
    expect(idsFor("moderator", person({ role: "viewer" }))).toEqual(["whisper", "make-moderator", "make-speaker", "remove"]);
  });
});

it("only what was changed in the rules is sent", () => {
  const before = { title: "Tea", lobby: false, max_minutes: 0 };
  expect(changesOf(before, { ...before, lobby: true })).toEqual({ lobby: true });
  expect(changesOf(before, { ...before, title: "" })).toEqual({ title: "" });
  expect(changesOf(before, { ...before })).toEqual({});
});

it.each([
  [undefined, ""],
  [245_000, "4:05"],
  [900, "0:01"],
  [-5000, "0:00"],
  [3_725_000, "1:02:05"],
])("%s ms are left as %s", (end, text) => {
  expect(timeLeft(end, 0)).toBe(text);
});
