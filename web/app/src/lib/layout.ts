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

/** Where a tile is in an area, in CSS pixels. */
export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

const STRIP_SHARE = 0.24;
/* On a phone held upright tiles may be so tall. */
const UPRIGHT = 0.7;

/* n tiles in a grid, each row in the middle of the area. */
function gridRects(n: number, area: Rect, tallest?: number): Rect[] {
  const { columns, rows, width, height } = bestGrid(n, area.width, area.height, tallest);
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, n - row * columns);
    const left = area.left + (area.width - inRow * width - (inRow - 1) * GAP) / 2;
    const top = area.top + (area.height - rows * height - (rows - 1) * GAP) / 2;
    return { left: left + (i - row * columns) * (width + GAP), top: top + row * (height + GAP), width, height };
  });
}

/** Screens large, and beside or below them the cameras, all of them in sight; screens come first. */
export function arrange(screens: number, cameras: number, width: number, height: number): Rect[] {
  const all = { left: 0, top: 0, width, height };
  if (screens === 0) return gridRects(cameras, all, width < height ? UPRIGHT : undefined);
  if (cameras === 0) return gridRects(screens, all);
  const isWide = width > height;
  const strip = Math.max(90, Math.min(280, (isWide ? width : height) * STRIP_SHARE));
  if (isWide) return [...gridRects(screens, { ...all, width: width - strip - GAP }), ...gridRects(cameras, { ...all, left: width - strip, width: strip })];
  /* On a phone held upright screens are as tall as their width lets them be, and cameras have all that is left. */
  const grid = bestGrid(screens, width, height - strip - GAP);
  const taken = grid.rows * (grid.height + GAP);
  return [...gridRects(screens, { ...all, height: taken - GAP }), ...gridRects(cameras, { ...all, top: taken, height: height - taken }, UPRIGHT)];
}
