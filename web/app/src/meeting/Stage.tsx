import type { Meeting, ShownItem } from "@plenum/sdk";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { LeftIcon, RightIcon } from "../icons.js";
import { bestGrid, capacity, GAP } from "../lib/layout.js";
import { SpeakerOrder } from "../lib/order.js";
import { useSize, type Size } from "../lib/useSize.js";
import { t } from "../messages.js";
import { Tile, type TileModel } from "./Tile.js";

interface StageProps {
  meeting: Meeting;
  tiles: readonly TileModel[];
  /** The tile that fills the stage, if any: a pinned one or a screen. */
  main: TileModel | undefined;
  dominant: number | undefined;
  /** Others' cameras are not asked for. */
  hideCameras: boolean;
  /** How many people's pictures can be received at once. */
  pairs: number;
  pinned: string | undefined;
  onPin: (key: string) => void;
}

interface Placed {
  tile: TileModel;
  width: number;
  height: number;
  priority: number;
}

const STRIP_TILE = { width: 208, height: 117 };
const PHONE_STRIP_TILE = { width: 132, height: 88 };
const SMALL = 220;
const PRIORITY = { main: 3, dominant: 2, other: 1 };

export function Stage({ meeting, tiles, main, dominant, hideCameras, pairs, pinned, onPin }: StageProps) {
  const area = useRef<HTMLDivElement>(null);
  const size = useSize(area);
  const [page, setPage] = useState(0);
  const [order] = useState(() => new SpeakerOrder());
  const isPortrait = size.height > size.width;

  const others = tiles.filter((tile) => tile !== main);
  const room = main ? stripCapacity(size, isPortrait) : capacity(size.width, size.height, pairs + 1);
  /* Further presentations come first, and leave a place for a person. */
  const shares = others.filter((tile) => tile.source === "screen").slice(0, Math.max(1, room - 1));
  const remote = others.filter((tile) => !tile.isLocal && tile.source === "camera");
  /* In a strip of two there is no place for oneself beside others. */
  const local = others.filter((tile) => tile.isLocal && tile.source === "camera" && (room - shares.length > 2 || remote.length < room - shares.length));
  const perPage = Math.max(1, Math.min(pairs - (main ? 1 : 0), room - shares.length - local.length));
  const sorted = order.update(remote.map((tile) => tile.participant.id), dominant, perPage);
  const place = new Map(sorted.map((id, i) => [id, i]));
  remote.sort((a, b) => (place.get(a.participant.id) ?? 0) - (place.get(b.participant.id) ?? 0));

  const pages = Math.max(1, Math.ceil(remote.length / perPage));
  const current = Math.min(page, pages - 1);
  const visible = [...shares, ...remote.slice(current * perPage, (current + 1) * perPage), ...local];
  const grid = main ? stripGrid(isPortrait) : bestGrid(visible.length, size.width, size.height, isPortrait ? 0.7 : 4 / 3);

  const priorityOf = (tile: TileModel) => (tile.participant.id === dominant && tile.source === "camera" ? PRIORITY.dominant : PRIORITY.other);
  const mainSize = mainArea(size, isPortrait, visible.length > 0);
  const placed: Placed[] = [
    ...(main ? [{ tile: main, ...mainSize, priority: PRIORITY.main }] : []),
    ...visible.map((tile) => ({ tile, width: grid.width, height: grid.height, priority: priorityOf(tile) })),
  ];
  useView(meeting, hideCameras ? placed.filter(({ tile }) => tile.source === "screen") : placed, size.width > 0);

  /* Through the object model, since the page's policy forbids style attributes. */
  useLayoutEffect(() => {
    const style = area.current?.style;
    style?.setProperty("--columns", String(grid.columns));
    style?.setProperty("--tile-width", `${grid.width}px`);
    style?.setProperty("--tile-height", `${grid.height}px`);
    style?.setProperty("--gap", `${GAP}px`);
  }, [grid.columns, grid.width, grid.height]);

  /* A tile that becomes large is another element: whoever stood on its pin stands there again. */
  const standsOn = useRef("");
  const pin = ({ key }: TileModel) => {
    if (document.activeElement?.classList.contains("tile-pin")) standsOn.current = key;
    onPin(key);
  };
  useLayoutEffect(() => {
    area.current?.querySelector<HTMLElement>(`[data-key="${standsOn.current}"] .tile-pin`)?.focus();
    standsOn.current = "";
  }, [pinned]);

  const tileOf = (tile: TileModel, isSmall: boolean) => (
    <Tile key={tile.key} meeting={meeting} tile={tile} isPinned={pinned === tile.key} isSmall={isSmall} isChoice={main !== undefined && tile !== main} onPin={() => pin(tile)} />
  );

  return (
    <>
      <section className={`stage ${main ? "with-main" : ""} ${isPortrait ? "portrait" : ""}`} ref={area} aria-label={t.meeting.tiles} data-testid="stage">
        {main && <div className="main-tile">{tileOf(main, false)}</div>}
        <div className={main ? "strip" : "grid"} data-testid={main ? "strip" : "grid"}>
          {visible.map((tile) => tileOf(tile, grid.width < SMALL))}
        </div>
      </section>
      {pages > 1 && <Pager page={current} pages={pages} onPage={setPage} />}
    </>
  );
}

function Pager({ page, pages, onPage }: { page: number; pages: number; onPage: (page: number) => void }) {
  return (
    <nav className="pager" aria-label={t.meeting.page(page + 1, pages)}>
      <button type="button" className="icon-button" data-testid="page-previous" aria-label={t.meeting.previous} disabled={page === 0} onClick={() => onPage(page - 1)}>
        <LeftIcon />
      </button>
      <span>
        {page + 1} / {pages}
      </span>
      <button type="button" className="icon-button" data-testid="page-next" aria-label={t.meeting.next} disabled={page === pages - 1} onClick={() => onPage(page + 1)}>
        <RightIcon />
      </button>
    </nav>
  );
}

/* Tell the server who is seen and how big, so that it sends no more and no less. */
function useView(meeting: Meeting, placed: readonly Placed[], measured: boolean): void {
  useEffect(() => {
    if (!measured) return;
    const items = placed
      .filter(({ tile }) => !tile.isLocal)
      .map(({ tile, width, height, priority }): ShownItem => ({ participant: tile.participant.id, source: tile.source, width, height, priority }));
    items.sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
    meeting.setView(items);
  });
}

function stripGrid(isPortrait: boolean) {
  return { columns: 1, rows: 1, ...(isPortrait ? PHONE_STRIP_TILE : STRIP_TILE) };
}

function stripCapacity(size: Size, isPortrait: boolean): number {
  const fits = isPortrait ? size.width / (PHONE_STRIP_TILE.width + GAP) : size.height / (STRIP_TILE.height + GAP);
  return Math.max(1, Math.floor(fits));
}

function mainArea(size: Size, isPortrait: boolean, withStrip: boolean): Size {
  if (!withStrip) return size;
  return isPortrait
    ? { width: size.width, height: Math.max(0, size.height - PHONE_STRIP_TILE.height - GAP) }
    : { width: Math.max(0, size.width - STRIP_TILE.width - GAP), height: size.height };
}
