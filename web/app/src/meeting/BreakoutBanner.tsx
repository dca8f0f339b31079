import { isModerator } from "@plenum/sdk";
import { RoomsIcon } from "../icons.js";
import { timeLeft, useNow } from "../lib/clock.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

/** Where one is while there are breakout rooms, for how long, and the way back. */
export function BreakoutBanner({ session, onRooms }: { session: Session; onRooms: () => void }) {
  const { room, breakouts, role } = useStore(session);
  const now = useNow(session.meeting, breakouts.endAt !== undefined);
  if (!breakouts.open) return null;
  const inside = room?.breakout !== undefined;
  const left = timeLeft(breakouts.endAt, now);
  return (
    <div className="breakout-banner" data-testid="breakout-banner">
      <RoomsIcon />
      <span role="status">{inside ? t.breakouts.banner(room.name) : t.breakouts.title}</span>
      {left && (
        <span className="countdown" role="timer" data-testid="breakout-countdown">
          {t.breakouts.left(left)}
        </span>
      )}
      <span className="spacer" />
      {(breakouts.mayChoose || isModerator(role)) && (
        <button type="button" className="button small" data-testid="breakout-rooms" onClick={onRooms}>
          {isModerator(role) ? t.breakouts.title : t.breakouts.choose}
        </button>
      )}
      {inside && (
        <button type="button" className="button small primary" data-testid="breakout-return" onClick={() => session.run(session.meeting.breakouts.go(0))}>
          {t.breakouts.back}
        </button>
      )}
    </div>
  );
}
