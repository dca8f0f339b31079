export interface GridLayout {
  columns: number;
  rows: number;
  /** Size of a tile in CSS pixels. */
  width: number;
  height: number;
}

export const GAP = 10;
const WIDEST = 16 / 9;

/**
 * The arrangement of n tiles that covers most of an area. Tiles are as wide as 16:9 and as tall as `tallest`
 * (width by height), whichever fits better.
 */
export function bestGrid(n: number, areaWidth: number, areaHeight: number, tallest = 4 / 3): GridLayout {
  let best: GridLayout = { columns: 1, rows: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const cellWidth = Math.max(0, (areaWidth - GAP * (columns - 1)) / columns);
    const cellHeight = Math.max(0, (areaHeight - GAP * (rows - 1)) / rows);
    const width = Math.floor(Math.min(cellWidth, cellHeight * WIDEST));
    const height = Math.floor(Math.min(cellHeight, cellWidth / tallest));
    if (width * height > best.width * best.height) best = { columns, rows, width, height };
  }
  return best;
}

/** How many tiles of a readable size an area holds, at most `limit`. */
export function capacity(areaWidth: number, areaHeight: number, limit: number): number {
  const smallest = Math.min(areaWidth, areaHeight) < 500 ? 132 : 168;
  const columns = Math.max(1, Math.floor((areaWidth + GAP) / (smallest + GAP)));
  const rows = Math.max(1, Math.floor((areaHeight + GAP) / (smallest / WIDEST + GAP)));
  return Math.max(1, Math.min(limit, columns * rows));
}
