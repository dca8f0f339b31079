import type { Meeting, ShownItem } from "@plenum/sdk";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { LeftIcon, RightIcon } from "../icons.js";
import { arrange, type Place } from "../lib/arrange.js";
import { GAP } from "../lib/layout.js";
import { SpeakerOrder } from "../lib/order.js";
import { useSize } from "../lib/useSize.js";
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

const SMALL = 220;
const PRIORITY = { main: 3, dominant: 2, other: 1 };

export function Stage({ meeting, tiles, main, dominant, hideCameras, pairs, pinned, onPin }: StageProps) {
  const area = useRef<HTMLDivElement>(null);
  const size = useSize(area);
  const [wantedPage, setPage] = useState(0);
  const [order] = useState(() => new SpeakerOrder());
  const { grid, isPortrait, places, shown, page, pages } = arrange(tiles, { size, main, page: wantedPage, pairs, order, dominant });

  const priorityOf = (tile: TileModel) => {
    if (tile === main) return PRIORITY.main;
    return tile.participant.id === dominant && tile.source === "camera" ? PRIORITY.dominant : PRIORITY.other;
  };
  const asked = hideCameras ? places.filter(({ tile }) => tile.source === "screen") : places;
  useView(meeting, asked.map((place) => ({ ...place, priority: priorityOf(place.tile) })), size.width > 0);

  /* Through the object model, since the page's policy forbids style attributes. */
  useLayoutEffect(() => {
    const style = area.current?.style;
    style?.setProperty("--columns", String(grid.columns));
    style?.setProperty("--tile-width", `${grid.width}px`);
    style?.setProperty("--tile-height", `${grid.height}px`);
    style?.setProperty("--gap", `${GAP}px`);
  }, [grid.columns, grid.width, grid.height]);

  return (
    <>
      <section className={`stage ${isPortrait ? "portrait" : ""}`} ref={area} aria-label={t.meeting.tiles} data-testid="stage">
        <div className={main ? "strip" : "grid"} data-testid={main ? "strip" : "grid"}>
          {shown.map((tile) => (
            <Tile
              key={tile.key}
              meeting={meeting}
              tile={tile}
              isPinned={pinned === tile.key}
              isMain={tile === main}
              isSmall={tile !== main && grid.width < SMALL}
              isChoice={main !== undefined && tile !== main}
              onPin={() => onPin(tile.key)}
            />
          ))}
        </div>
      </section>
      {pages > 1 && <Pager page={page} pages={pages} onPage={setPage} />}
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
function useView(meeting: Meeting, asked: readonly (Place<TileModel> & { priority: number })[], measured: boolean): void {
  useEffect(() => {
    if (!measured) return;
    const items = asked
      .filter(({ tile }) => !tile.isLocal)
      .map(({ tile, width, height, priority }): ShownItem => ({ participant: tile.participant.id, source: tile.source, width, height, priority }));
    items.sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
    meeting.setView(items);
  });
}
