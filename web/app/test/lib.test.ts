import { describe, expect, it } from "vitest";
import { arrange, bestGrid, capacity, GAP } from "../src/lib/layout.js";
import { byArrival, SpeakerOrder } from "../src/lib/order.js";
import { cut, fragmentFromText, nameInToken, randomRoom, roomFromPath, roomFromText, roomPath } from "../src/lib/room.js";
import { de } from "../src/messages.de.js";
import { fr } from "../src/messages.fr.js";
import { en } from "../src/messages.js";
import { latestFreezes, marksOf, REPORT_MS, type ServerReport } from "../src/lib/freezes.js";
import { linePoints, readingOf } from "../src/lib/history.js";
import { languageOf } from "../src/lib/language.js";
import { readSettings } from "../src/lib/settings.js";
import { formatBitrate, formatPercent, hueOf, HUES, initials, splitLinks } from "../src/lib/text.js";

describe("rooms", () => {
  it.each([
    ["Weekly Review", "weekly-review"],
    ["  /a//b/ ", "a-b"],
    ["https://meet.example.org/tea-time?x=1#y", "tea-time"],
    ["Käse & Brot", "käse-brot"],
    ["metrics", "metrics-room"],
    ["../..", ""],
    ["???", ""],
    ["001-0002-003", "001-0002-003"],
    [" 001 0002 003 ", "001-0002-003"],
    ["0010002003", "001-0002-003"],
    ["00100020034", "00100020034"],
  ])("%s → %s", (text, room) => expect(roomFromText(text)).toBe(room));

  it("come out of paths, whatever stands there", () => {
    expect(roomFromPath("/k%C3%A4se")).toBe("käse");
    expect(roomFromPath("/%E0%A4%A")).toBe("");
    expect(roomFromPath("/")).toBe("");
    expect(roomFromPath("/Tea/")).toBe("tea");
    expect(roomFromPath("/001%200002%20003")).toBe("001-0002-003");
  });

  it.each(["board meeting", "Büro & Co", "a+b", "team's", "ws", "Über uns", "50%", "x?y#z"])("named %s elsewhere are found by their link", (name) => {
    const path = roomPath(name);
    const room = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    expect([roomFromPath(path), roomFromPath(roomPath(room)), roomFromText(`https://meet.example.org${path}#token=t`)]).toEqual([room, room, room]);
  });

  it("come with the token of a link, and with nothing else of it", () => {
    expect(fragmentFromText("https://meet.example.org/tea?x=1#token=a.b-c%2F&y=2")).toBe("#token=a.b-c%2F");
    expect([fragmentFromText("tea"), fragmentFromText("tea#y=2"), fragmentFromText("tea#token=")]).toEqual(["", "", ""]);
  });

  it("come with the name that a token gives", () => {
    const claims = (value: unknown) => `h.${Buffer.from(JSON.stringify(value)).toString("base64url")}.s`;
    expect(nameInToken(claims({ room: "tea", name: "Zoë ÿ Žižek?" }))).toBe("Zoë ÿ Žižek?");
    expect([claims({ room: "tea" }), claims({ name: 7 }), claims({ name: "" }), claims(null), "0ed991c5487c", "a.b.c", ""].filter(nameInToken)).toEqual([]);
  });

  it("keep to the protocol's length without half a character", () => {
    expect(cut("aé€", 3)).toBe("aé");
    expect(new TextEncoder().encode(roomFromText("ä".repeat(100))).length).toBe(128);
  });

  it("by chance are names that stay as they are", () => {
    for (let i = 0; i < 50; i++) {
      const room = randomRoom();
      expect(room).toMatch(/^[a-z]+-[a-z]+-[a-z]+-\d\d$/);
      expect(roomFromText(room)).toBe(room);
    }
  });
});

describe("the grid", () => {
  it.each([
    [1, 1600, 900, 1, 1],
    [2, 1600, 900, 2, 1],
    [3, 1600, 900, 2, 2],
    [4, 1600, 900, 2, 2],
    [9, 1600, 900, 3, 3],
    [2, 360, 640, 1, 2],
    [4, 360, 640, 2, 2],
  ])("%i tiles in %i×%i: %i columns, %i rows", (n, width, height, columns, rows) => {
    expect(bestGrid(n, width, height, width < height ? 0.7 : 4 / 3)).toMatchObject({ columns, rows });
  });

  it("always fits, with tiles neither flatter nor taller than allowed", () => {
    for (let n = 1; n <= 25; n++) {
      for (const [w, h] of [[360, 560], [800, 600], [1920, 1000], [3840, 2000]] as const) {
        const grid = bestGrid(n, w, h);
        expect(grid.columns * grid.rows).toBeGreaterThanOrEqual(n);
        expect(grid.width * grid.columns + GAP * (grid.columns - 1)).toBeLessThanOrEqual(w);
        expect(grid.height * grid.rows + GAP * (grid.rows - 1)).toBeLessThanOrEqual(h);
        expect(grid.width / grid.height).toBeLessThan(1.82);
        expect(grid.width / grid.height).toBeGreaterThan(1.3);
      }
    }
  });

  it("survives an area of nothing", () => {
    expect(bestGrid(3, 0, 0)).toEqual({ columns: 1, rows: 1, width: 0, height: 0 });
    expect(capacity(0, 0, 9)).toBe(1);
  });

  it("holds as many tiles as can be made out", () => {
    expect(capacity(1600, 900, 9)).toBe(9);
    expect(capacity(300, 120, 9)).toBe(2);
  });
});

describe("a recording's tiles", () => {
  it.each([
    [0, 1, 1200, 600],
    [0, 25, 1200, 600],
    [1, 0, 1200, 600],
    [1, 3, 1200, 600],
    [2, 12, 1200, 600],
    [1, 4, 360, 500],
    [1, 25, 360, 500],
    [0, 5, 360, 500],
  ])("%i screens and %i cameras lie in %i×%i, and not on each other", (screens, cameras, width, height) => {
    const rects = arrange(screens, cameras, width, height);
    expect(rects).toHaveLength(screens + cameras);
    rects.forEach((a, i) => {
      expect(Math.min(a.left, a.top, width - a.left - a.width, height - a.top - a.height)).toBeGreaterThanOrEqual(0);
      expect(Math.min(a.width, a.height)).toBeGreaterThan(10);
      for (const b of rects.slice(i + 1)) expect(a.left + a.width <= b.left || b.left + b.width <= a.left || a.top + a.height <= b.top || b.top + b.height <= a.top).toBe(true);
    });
  });

  it("leave no more empty on a phone than the shapes of tiles make necessary", () => {
    for (const cameras of [1, 2, 3, 5]) {
      const rects = arrange(1, cameras, 374, 520);
      const [screen, ...others] = rects;
      expect(screen?.top).toBe(0);
      expect(Math.min(...others.map(({ top }) => top)) - (screen?.height ?? 0)).toBeLessThan(2 * GAP);
      expect(rects.reduce((sum, rect) => sum + rect.width * rect.height, 0) / 374 / 520).toBeGreaterThan(0.75);
    }
  });

  it("show a screen larger than a camera", () => {
    for (const [width, height] of [[1200, 600], [360, 500]] as const) {
      const [screen, camera] = arrange(1, 3, width, height);
      expect((screen?.width ?? 0) * (screen?.height ?? 0)).toBeGreaterThan(3 * (camera?.width ?? 0) * (camera?.height ?? 0));
    }
  });
});

describe("the order of people", () => {
  it("is that of joining, and stays", () => {
    const order = new SpeakerOrder();
    expect(order.update([1, 2, 3], undefined, 2)).toEqual([1, 2, 3]);
    expect(order.update([1, 3, 4], undefined, 2)).toEqual([1, 3, 4]);
  });

  it("does not change for speakers in sight", () => {
    const order = new SpeakerOrder();
    expect(order.update([1, 2, 3], 2, 2)).toEqual([1, 2, 3]);
  });

  it("puts a speaker out of sight where silence was longest", () => {
    const order = new SpeakerOrder();
    order.update([1, 2, 3, 4], 1, 2);
    expect(order.update([1, 2, 3, 4], 4, 2)).toEqual([1, 4, 3, 2]);
    expect(order.update([1, 2, 3, 4], 3, 2)).toEqual([3, 4, 1, 2]);
  });

  it("keeps the place of whoever is shown apart", () => {
    const order = new SpeakerOrder();
    order.update([1, 2, 3, 4], 1, 2);
    expect(order.update([1, 2, 3, 4], undefined, 2, 1)).toEqual([1, 2, 3, 4]);
    /* In sight are 2 and 3: nobody moves for 3 or 1, and 4 comes where it was quiet for longer. */
    expect(order.update([1, 2, 3, 4], 3, 2, 1)).toEqual([1, 2, 3, 4]);
    expect(order.update([1, 2, 3, 4], 1, 2, 1)).toEqual([1, 2, 3, 4]);
    expect(order.update([1, 2, 3, 4], 4, 2, 1)).toEqual([1, 4, 3, 2]);
    expect(order.update([1, 2, 3, 4], 4, 2)).toEqual([1, 4, 3, 2]);
    expect(order.update([1, 2, 3, 4], 4, 1, 4)).toEqual([1, 4, 3, 2]);
  });

  it("ignores a speaker who is gone", () => {
    expect(new SpeakerOrder().update([1, 2], 9, 1)).toEqual([1, 2]);
  });
});

describe("what is presented", () => {
  it("stands in the order of coming, whatever order it is told in", () => {
    const first = byArrival([], ["b", "a"]);
    expect(first).toEqual(["b", "a"]);
    expect(byArrival(first, ["a", "b"])).toBe(first);
    expect(byArrival(first, ["c", "a", "b"])).toEqual(["b", "a", "c"]);
    expect(byArrival(["b", "a", "c"], ["c", "a"])).toEqual(["a", "c"]);
    expect(byArrival(["a"], [])).toEqual([]);
  });
});

describe("settings", () => {
  it("are taken only as far as they fit", () => {
    expect(readSettings('{"name":"Ada","micOn":false,"recent":["a",1,"b"],"camera":7}')).toMatchObject({
      name: "Ada",
      micOn: false,
      cameraOn: true,
      recent: ["a", "b"],
      camera: "",
    });
    expect(readSettings("no json").name).toBe("");
    expect(readSettings("null").recent).toEqual([]);
    expect([readSettings('{"layout":"speaker"}').layout, readSettings('{"layout":"circle"}').layout]).toEqual(["speaker", "grid"]);
  });
});

describe("texts", () => {
  it("split into plain parts and links", () => {
    expect(splitLinks("see https://a.example/x?y=1, ok")).toEqual([
      { text: "see " },
      { text: "https://a.example/x?y=1", href: "https://a.example/x?y=1" },
      { text: ", ok" },
    ]);
    expect(splitLinks("javascript:alert(1) <b>")).toEqual([{ text: "javascript:alert(1) <b>" }]);
    expect(splitLinks("http://")).toEqual([{ text: "http://" }]);
  });

  it("give initials", () => {
    expect([initials("Ada Lovelace"), initials("bob"), initials("  "), initials("😀 x"), initials("Eve <b>Ekdal"), initials("(Bob)")]).toEqual(["AL", "B", "?", "😀X", "EB", "B"]);
  });

  it("give a colour that is the same for the same name", () => {
    expect(hueOf("Ada")).toBe(hueOf("Ada"));
    expect(hueOf("x".repeat(1000))).toBeLessThan(HUES);
  });

  it("give figures as people read them", () => {
    expect([formatBitrate(1_234_567), formatBitrate(45_600), formatPercent(0), formatPercent(0.012), formatPercent(0.25)]).toEqual([
      "1.2 Mbit/s",
      "46 kbit/s",
      "0 %",
      "1.2 %",
      "25 %",
    ]);
  });
});

describe("languages", () => {
  it("are the first that is wanted and spoken", () => {
    expect(languageOf(["it", "fr-CH", "de"])).toBe("fr");
    expect(languageOf(["DE-at"])).toBe("de");
    expect([languageOf([]), languageOf(["it"]), languageOf(["constructor"])]).toEqual(["en", "en", "en"]);
  });

  it("say the same things", () => {
    const keysOf = (words: object): unknown[] => Object.entries(words).flatMap(([key, value]) => (typeof value === "object" ? keysOf(value as object).map((inner) => `${key}.${String(inner)}`) : [`${key}: ${typeof value}`]));
    for (const words of [de, fr]) expect(keysOf(words).sort()).toEqual(keysOf(en).sort());
  });
});

describe("connection charts", () => {
  it("end at the right, scaled to their highest value", () => {
    expect(linePoints([0, 50, 100], 590, 10)).toBe("570.0,10.0 580.0,5.0 590.0,0.0");
    expect(linePoints([0, 0], 590, 10)).toBe("580.0,10.0 590.0,10.0");
    expect(linePoints([], 590, 10)).toBe("");
  });

  it("take what was received together, and the worst loss", () => {
    const stream = { kind: "video" as const, framesPerSecond: 0, width: 0, height: 0, freezes: 0, concealed: 0, codec: "" };
    const streams = [{ ...stream, bitrateBps: 100, loss: 0.1 }, { ...stream, bitrateBps: 50, loss: 0.2 }];
    expect(readingOf(undefined, { level: 4, streams })).toEqual({ bitrateBps: 150, loss: 0.2, rttMs: undefined });
    expect(readingOf(undefined, { level: 4, streams: [] })).toBeUndefined();
  });
});

describe("freezes in the server's report", () => {
  const second = { kbps: 1, packets: 1, lost: 0 };
  const report = (end: number, ...freezes: [at: number, ms: number, participant?: number][]): ServerReport => ({
    received: [{ ...second, at: end - 1000 }, { ...second, at: end }],
    sent: [],
    causes: [],
    freezes: freezes.map(([at, ms, participant = 7]) => ({ at, ms, participant, source: "camera", cause: "server" })),
  });

  it("lie where they were, in the minute that ends with the last second", () => {
    expect(marksOf(report(100_000, [70_000, 6000], [100_000, 3000]), 200)).toEqual([
      { x: 80, width: 20 },
      { x: 190, width: 10 },
    ]);
  });

  it("are cut at the beginning, wide enough to be seen, and left out when they are over", () => {
    const marks = marksOf(report(100_000, [39_000, 500], [41_000, 30_000], [100_000, 10]), 60);
    expect(marks.map(({ x, width }) => [Math.round(x), width])).toEqual([
      [0, 1],
      [60, 1],
    ]);
    expect(marksOf(report(100_000 + REPORT_MS, [100_000, 400]), 60)).toEqual([]);
  });

  it("are told newest first, all or of one publisher", () => {
    const known = report(9000, [1000, 1, 7], [2000, 1, 8], [3000, 1, 7], [4000, 1, 7]);
    expect(latestFreezes(known, undefined, 2).map(({ at }) => at)).toEqual([4000, 3000]);
    expect(latestFreezes(known, 8, 5).map(({ at }) => at)).toEqual([2000]);
    expect(latestFreezes(known, 9, 5)).toEqual([]);
  });
});
