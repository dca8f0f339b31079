import { canShareScreen, isModerator, isRecording } from "@plenum/sdk";
import { useState } from "react";
import { Confirm } from "../controls/Dialog.js";
import { Menu, type MenuItem } from "../controls/Menu.js";
import { MoreIcon, PlayIcon } from "../icons.js";
import type { LocalMedia } from "../lib/localMedia.js";
import { usePhone } from "../lib/phone.js";
import { leadsRecording } from "../lib/recording.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";
import { BreakoutDialog } from "./BreakoutDialog.js";
import { ClaimDialog } from "./ClaimDialog.js";
import { ContentDialog } from "./ContentDialog.js";
import { InviteDialog } from "./InviteDialog.js";
import { KeysDialog } from "./KeysDialog.js";
import { RecordingConfirm } from "./RecordingBanner.js";
import { RecordingsDialog } from "./RecordingsDialog.js";
import { RulesDialog } from "./RulesDialog.js";

export type RoomDialog = "rules" | "breakouts" | "claim" | "end" | "invite" | "keys" | "content" | "record-start" | "record-stop" | "recordings" | undefined;

interface MoreMenuProps {
  session: Session;
  onOpen: (dialog: RoomDialog) => void;
  /** The layout, and full screen. */
  viewItems: readonly MenuItem[];
  onSettings: () => void;
  sharing: boolean;
  onShare: () => void;
}

/** What is done with the room rather than with people. */
export function MoreMenu({ session, onOpen, viewItems, onSettings, sharing, onShare }: MoreMenuProps) {
  const { role, breakouts, recording, room } = useStore(session);
  const onPhone = usePhone();
  const leads = isModerator(role);
  /* The bar of a phone has no room for these. */
  const phoneItems: MenuItem[] = [
    ...(canShareScreen() ? [{ id: "share", label: sharing ? t.controls.shareOff : t.controls.shareOn, onSelect: onShare }] : []),
    { id: "settings", label: t.controls.settings, onSelect: onSettings },
  ];
  const recordItems = (): MenuItem[] => {
    if (!leadsRecording(recording, role)) return [];
    const list: MenuItem = { id: "recordings", label: t.recording.list, onSelect: () => onOpen("recordings") };
    if (isRecording(recording.status)) return [{ id: "record-stop", label: t.recording.stop, onSelect: () => onOpen("record-stop") }, list];
    if (room?.settings.may_record === false || recording.status?.state === "closing") return [list];
    return [{ id: "record-start", label: t.recording.start, onSelect: () => onOpen("record-start") }, list];
  };
  const items: MenuItem[] = [
    ...(leads ? [{ id: "rules", label: t.more.rules, onSelect: () => onOpen("rules") }] : []),
    ...(leads || (breakouts.open && breakouts.mayChoose) ? [{ id: "breakouts", label: t.more.breakouts, onSelect: () => onOpen("breakouts") }] : []),
    ...recordItems(),
    ...(onPhone ? phoneItems : []),
    ...(role === "viewer" ? [] : [{ id: "content", label: t.content.open, onSelect: () => onOpen("content") }]),
    ...viewItems,
    { id: "keys", label: t.settings.keys, onSelect: () => onOpen("keys") },
    ...(role === "owner" ? [] : [{ id: "claim", label: t.more.claim, onSelect: () => onOpen("claim") }]),
    ...(leads ? [{ id: "end", label: t.more.end, danger: true, onSelect: () => onOpen("end") }] : []),
  ];
  return (
    <Menu label={t.more.title} testId="more" className="control" items={items}>
      <MoreIcon />
    </Menu>
  );
}

interface RoomDialogsProps {
  session: Session;
  local: LocalMedia;
  /** How the room is called. */
  title: string;
  open: RoomDialog;
  onClose: () => void;
}

export function RoomDialogs({ session, local, title, open, onClose }: RoomDialogsProps) {
  const { room } = useStore(session);
  if (open === "rules" && room) return <RulesDialog session={session} room={room} onClose={onClose} />;
  if (open === "breakouts") return <BreakoutDialog session={session} onClose={onClose} />;
  if (open === "invite") return <InviteDialog session={session} title={title} onClose={onClose} />;
  if (open === "content") return <ContentDialog local={local} onClose={onClose} />;
  if (open === "keys") return <KeysDialog onClose={onClose} />;
  if (open === "record-start" || open === "record-stop") return <RecordingConfirm session={session} what={open === "record-start" ? "start" : "stop"} onClose={onClose} />;
  if (open === "recordings") return <RecordingsDialog session={session} onClose={onClose} />;
  if (open === "claim") return <ClaimDialog session={session} onClose={onClose} />;
  if (open !== "end") return null;
  return (
    <Confirm title={t.end.title} testId="end-dialog" confirm={t.end.confirm} cancel={t.end.cancel} onConfirm={() => session.run(session.meeting.moderation.end())} onClose={onClose}>
      <p>{t.end.text}</p>
    </Confirm>
  );
}

/** An organised meeting begins when somebody who leads says so. */
export function StartBanner({ session }: { session: Session }) {
  const { room, role } = useStore(session);
  const [starting, setStarting] = useState(false);
  if (!room?.settings.organised || room.started_at > 0 || !isModerator(role)) return null;
  const start = () => {
    setStarting(true);
    session.run(session.meeting.moderation.start().finally(() => setStarting(false)));
  };
  return (
    <div className="breakout-banner start-banner" data-testid="start-banner">
      <PlayIcon />
      <span role="status">{t.more.notStarted}</span>
      <button type="button" className="button small primary" data-testid="start-meeting" disabled={starting} onClick={start}>
        {t.more.start}
      </button>
    </div>
  );
}
