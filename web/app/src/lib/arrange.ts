import { bestGrid, capacity, GAP, type GridLayout } from "./layout.js";
import type { SpeakerOrder } from "./order.js";
import type { Size } from "./useSize.js";

/** Somebody's camera or screen, as far as its place depends on it. */
export interface Placeable {
  participant: { id: number };
  source: "camera" | "screen";
  isLocal: boolean;
}

export interface Place<T> {
  tile: T;
  /** CSS pixels. */
  width: number;
  height: number;
}

export interface Arrangement<T> {
  isPortrait: boolean;
  /** Of the small ones: those of the grid, or of the strip beside the large one. */
  grid: GridLayout;
  /** What is on the screen, the large one first. */
  places: readonly Place<T>[];
  /**
   * The same, in the order of the document, where the large one has its place among the others: a tile that moved there would be
   * another element, with a picture that begins anew.
   */
  shown: readonly T[];
  page: number;
  pages: number;
}

export interface ArrangeOptions<T> {
  size: Size;
  /** The tile that fills the stage, if any. */
  main: T | undefined;
  /** The page that is wished for. */
  page: number;
  /** How many people's pictures can be received at once. */
  pairs: number;
  order: SpeakerOrder;
  dominant: number | undefined;
}

const STRIP_TILE = { width: 208, height: 117 };
const SMALL_STRIP_TILE = { width: 132, height: 88 };
/* What a stage must have along its strip for the larger ones. */
const ROOMY = { width: 600, height: 360 };
/* Width by height of the tallest tiles: whoever is alone may fill a phone that stands upright. */
const TALLEST = { landscape: 4 / 3, portrait: 0.7, alone: 0.45 };

/** Who is seen where. */
export function arrange<T extends Placeable>(tiles: readonly T[], { size, main, page, pairs, order, dominant }: ArrangeOptions<T>): Arrangement<T> {
  const isPortrait = size.height > size.width;
  const strip = stripTile(size, isPortrait);
  const isOther = (tile: T) => tile !== main;
  const screens = tiles.filter(({ source }) => source === "screen");
  const people = tiles.filter(({ source, isLocal }) => source === "camera" && !isLocal);
  const self = tiles.filter(({ source, isLocal }) => source === "camera" && isLocal);

  const room = main ? stripCapacity(size, strip, isPortrait) : capacity(size.width, size.height, pairs + 1);
  /* Further presentations are on each page, and leave a place for what is paged: people, and presentations on top of that. */
  const fixed = screens.filter(isOther).slice(0, room - 1);
  const free = room - fixed.length;
  const others = people.filter(isOther).length + screens.filter(isOther).length - fixed.length;
  /* In a strip of two there is no place for oneself beside others. */
  const local = free > 2 || others < free ? self.filter(isOther) : [];
  const perPage = Math.max(1, Math.min(pairs - (main ? 1 : 0), free - local.length));
  const sorted = order.update(people.map(idOf), dominant, perPage, main && people.includes(main) ? idOf(main) : undefined);
  const rank = new Map(sorted.map((id, i) => [id, i]));
  people.sort((a, b) => (rank.get(idOf(a)) ?? 0) - (rank.get(idOf(b)) ?? 0));

  const paged = [...screens, ...people].filter((tile) => isOther(tile) && !fixed.includes(tile));
  const pages = Math.max(1, Math.ceil(paged.length / perPage));
  const current = Math.min(page, pages - 1);
  const small = [...fixed, ...paged.slice(current * perPage, (current + 1) * perPage), ...local];
  const tallest = !isPortrait ? TALLEST.landscape : small.length === 1 ? TALLEST.alone : TALLEST.portrait;
  const grid = main ? { columns: 1, rows: 1, ...strip } : bestGrid(small.length, size.width, size.height, tallest);
  return {
    isPortrait,
    grid,
    places: [
      ...(main ? [{ tile: main, ...(small.length > 0 ? besideStrip(size, strip, isPortrait) : size) }] : []),
      ...small.map((tile) => ({ tile, width: grid.width, height: grid.height })),
    ],
    shown: [...screens, ...people, ...self].filter((tile) => tile === main || small.includes(tile)),
    page: current,
    pages,
  };
}

function idOf({ participant }: Placeable): number {
  return participant.id;
}

function stripTile({ width, height }: Size, isPortrait: boolean): Size {
  const isRoomy = isPortrait ? width >= ROOMY.width : height >= ROOMY.height;
  return isRoomy ? STRIP_TILE : SMALL_STRIP_TILE;
}

function stripCapacity(size: Size, strip: Size, isPortrait: boolean): number {
  const fits = isPortrait ? (size.width + GAP) / (strip.width + GAP) : (size.height + GAP) / (strip.height + GAP);
  return Math.max(1, Math.floor(fits));
}

function besideStrip({ width, height }: Size, strip: Size, isPortrait: boolean): Size {
  return isPortrait ? { width, height: Math.max(0, height - strip.height - GAP) } : { width: Math.max(0, width - strip.width - GAP), height };
}
