import type { RoomInfo } from "@plenum/sdk";
import { roomPath } from "../lib/room.js";
import { t } from "../messages.js";
import { CopyButton } from "./CopyButton.js";

/** The meeting's address, as it is given to others: by its name, also where one came by its number, and without a token that is one's own. */
export function meetingLink(room: RoomInfo | undefined): string {
  return location.origin + (room && room.breakout === undefined ? roomPath(room.name) : location.pathname);
}

export function CopyLink({ room }: { room: RoomInfo | undefined }) {
  return <CopyButton text={meetingLink(room)} label={t.controls.copyLink} testId="copy-link" className="wide" />;
}
