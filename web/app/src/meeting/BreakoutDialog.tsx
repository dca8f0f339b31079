import { isModerator } from "@plenum/sdk";
import { Dialog } from "../controls/Dialog.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";
import { BreakoutPlanner } from "./BreakoutPlanner.js";
import { BreakoutRooms } from "./BreakoutRooms.js";

/** Breakout rooms: those who lead make them and send people there, others choose where they may. */
export function BreakoutDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const { breakouts, role } = useStore(session);
  return (
    <Dialog title={t.breakouts.title} testId="breakout-dialog" size="wide" onClose={onClose}>
      {breakouts.open ? <BreakoutRooms session={session} onClose={onClose} /> : isModerator(role) && <BreakoutPlanner session={session} />}
    </Dialog>
  );
}
