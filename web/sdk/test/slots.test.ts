import { describe, expect, it } from "vitest";
import { SlotMap } from "../src/slots.js";
import { LINES } from "./fakes.js";

function map() {
  const slots = new SlotMap();
  slots.reset(LINES);
  return slots;
}

describe("SlotMap", () => {
  it("attaches what a slot begins to show", () => {
    const { attached, detached, changed } = map().apply([
      { mid: "1", state: "forwarding", participant: 7, source: "camera", width: 320, height: 180, first_ts: 99 },
    ]);
    expect(attached).toEqual([{ mid: "1", state: "forwarding", reason: "none", participant: 7, source: "camera", width: 320, height: 180, firstTs: 99 }]);
    expect([detached, changed]).toEqual([[], []]);
  });

  it("reports a new state of the same showing as a change", () => {
    const slots = map();
    slots.apply([{ mid: "1", state: "waiting", participant: 7, source: "camera" }]);
    const { attached, detached, changed } = slots.apply([{ mid: "1", state: "paused", participant: 7, source: "camera" }]);
    expect(changed.map((s) => s.state)).toEqual(["paused"]);
    expect([attached, detached]).toEqual([[], []]);
    const why = slots.apply([{ mid: "1", state: "paused", reason: "bandwidth", participant: 7, source: "camera" }]);
    expect(why.changed.map((s) => s.reason)).toEqual(["bandwidth"]);
    expect(slots.apply([{ mid: "1", state: "forwarding", participant: 7, source: "camera" }]).changed[0]?.reason).toBe("none");
  });

  it("ends the old showing when a slot changes hands", () => {
    const slots = map();
    slots.apply([{ mid: "1", state: "forwarding", participant: 7, source: "camera" }]);
    const { attached, detached } = slots.apply([{ mid: "1", state: "waiting", participant: 8, source: "camera" }]);
    expect(detached.map((s) => s.participant)).toEqual([7]);
    expect(attached.map((s) => s.participant)).toEqual([8]);
  });

  it("takes camera and screen of one person for two showings", () => {
    const slots = map();
    slots.apply([{ mid: "1", state: "forwarding", participant: 7, source: "camera" }]);
    expect(slots.apply([{ mid: "1", state: "forwarding", participant: 7, source: "screen" }]).detached).toHaveLength(1);
  });

  it("empties a slot, and leaves unnamed slots alone", () => {
    const slots = map();
    slots.apply([
      { mid: "0", state: "forwarding", participant: 7, source: "microphone" },
      { mid: "1", state: "forwarding", participant: 7, source: "camera" },
    ]);
    expect(slots.apply([{ mid: "1", state: "empty" }]).detached.map((s) => s.mid)).toEqual(["1"]);
    expect(slots.all().map((s) => s.mid)).toEqual(["0"]);
  });

  it("ignores slots that were never offered", () => {
    expect(map().apply([{ mid: "99", state: "forwarding", participant: 7, source: "camera" }]).attached).toEqual([]);
  });

  it("names all that is gone at a reset", () => {
    const slots = map();
    slots.apply([{ mid: "1", state: "forwarding", participant: 7, source: "camera" }]);
    expect(slots.reset(LINES).map((s) => s.mid)).toEqual(["1"]);
    expect(slots.all()).toEqual([]);
  });
});
