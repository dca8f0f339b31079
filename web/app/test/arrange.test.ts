import { describe, expect, it } from "vitest";
import { arrange, type Placeable } from "../src/lib/arrange.js";
import { GAP } from "../src/lib/layout.js";
import { SpeakerOrder } from "../src/lib/order.js";

interface Someone extends Placeable {
  key: string;
}

const tileOf = (id: number, source: "camera" | "screen", isLocal = false): Someone => ({ key: `${id} ${source}`, participant: { id }, source, isLocal });
/* Oneself is number 1; the first few of the others present. */
const meetingOf = (people: number, screens: number): Someone[] => [
  ...Array.from({ length: screens }, (_, i) => tileOf(i + 2, "screen")),
  ...Array.from({ length: people }, (_, i) => tileOf(i + 1, "camera", i === 0)),
];
const DESKTOP = { width: 1248, height: 660 };
const at = (size: { width: number; height: number }, main?: Someone, page = 0, order = new SpeakerOrder()) => ({ size, main, page, pairs: 9, order, dominant: undefined });
const keys = (tiles: readonly Someone[]) => tiles.map(({ key }) => key);

describe("tiles", () => {
  it("stay in the order of the document, whoever becomes large", () => {
    const tiles = meetingOf(5, 1);
    const order = new SpeakerOrder();
    const before = keys(arrange(tiles, at(DESKTOP, undefined, 0, order)).shown);
    expect(before).toHaveLength(6);
    for (const main of tiles) expect(keys(arrange(tiles, at(DESKTOP, main, 0, order)).shown)).toEqual(before);
    expect(keys(arrange(tiles, at(DESKTOP, undefined, 0, order)).shown)).toEqual(before);
  });

  it("are all seen on one page or another, none twice", () => {
    const tiles = meetingOf(30, 4);
    for (const main of [undefined, tiles[0], tiles[10]]) {
      for (const size of [DESKTOP, { width: 370, height: 660 }, { width: 820, height: 172 }]) {
        const order = new SpeakerOrder();
        const { pages } = arrange(tiles, at(size, main, 0, order));
        const seen = Array.from({ length: pages }, (_, page) => keys(arrange(tiles, at(size, main, page, order)).places.map(({ tile }) => tile))).map((all) => new Set(all));
        const missing = tiles.filter(({ key, isLocal }) => !isLocal && !seen.some((page) => page.has(key)));
        expect(keys(missing)).toEqual([]);
        const people = keys(tiles.filter((tile) => tile.source === "camera" && !tile.isLocal && tile !== main));
        for (const key of people) expect(seen.filter((page) => page.has(key))).toHaveLength(1);
      }
    }
  });

  it("have room on every stage, from a phone's to a wall's", () => {
    for (const width of [300, 370, 560, 790, 820, 1240, 2500]) {
      for (const height of [100, 172, 270, 400, 700, 1060, 1900]) {
        for (const people of [1, 3, 40]) {
          for (const screens of [0, 1, 3].filter((n) => n < people)) {
            const tiles = meetingOf(people, screens);
            for (const main of [undefined, ...tiles.slice(0, 5)]) {
              const { grid, places, isPortrait } = arrange(tiles, at({ width, height }, main));
              const small = places.length - (main ? 1 : 0);
              const [columns, rows] = !main ? [grid.columns, grid.rows] : isPortrait ? [small, 1] : [1, small];
              const what = `${width} x ${height}, ${people} people, ${screens} screens, ${main?.key ?? "nobody"} large`;
              expect(columns * (grid.width + GAP) - GAP, what).toBeLessThanOrEqual(width);
              expect(rows * (grid.height + GAP) - GAP, what).toBeLessThanOrEqual(height);
              expect(columns * rows, what).toBeGreaterThanOrEqual(small);
              for (const place of places) expect(Math.min(place.width, place.height), what).toBeGreaterThan(0);
            }
          }
        }
      }
    }
  });

  it("of whoever is alone fill a phone that stands upright", () => {
    const { grid } = arrange(meetingOf(1, 0), at({ width: 374, height: 700 }));
    expect([grid.width, grid.height]).toEqual([374, 700]);
  });
});
