import { isModerator, type Participant, type Role, type Source } from "@plenum/sdk";
import type { MenuItem } from "../controls/Menu.js";
import type { Session } from "../lib/session.js";
import { t } from "../messages.js";

export interface PersonActions {
  session: Session;
  /** One's own role and id. */
  role: Role;
  localId: number;
  mayWhisper: boolean;
  onWhisper: (person: Participant) => void;
  onRemove: (person: Participant) => void;
}

/** What may be done with somebody, as the server would allow it. */
export function actionsFor(person: Participant, actions: PersonActions): MenuItem[] {
  const { session, role, localId, mayWhisper, onWhisper, onRemove } = actions;
  const leads = isModerator(role);
  const isSelf = person.id === localId;
  const items: MenuItem[] = [];
  if (!isSelf && (mayWhisper || leads || isModerator(person.role))) {
    items.push({ id: "whisper", label: t.people.whisper, onSelect: () => onWhisper(person) });
  }
  if (!leads) return items;
  const { moderation } = session.meeting;
  const add = (id: string, label: string, action: () => Promise<void>) => items.push({ id, label, onSelect: () => session.run(action()) });
  if (!isSelf && person.role !== "viewer") {
    if (sends(person, "microphone")) add("mute", t.people.mute, () => moderation.mute("microphone", [person.id]));
    else add("ask-unmute", t.people.askUnmute, () => moderation.askToUnmute(person.id, "microphone"));
    if (sends(person, "camera")) add("stop-camera", t.people.stopCamera, () => moderation.mute("camera", [person.id]));
    else add("ask-camera", t.people.askCamera, () => moderation.askToUnmute(person.id, "camera"));
    if (sends(person, "screen")) add("stop-screen", t.people.stopScreen, () => moderation.mute("screen", [person.id]));
  }
  if (!isSelf && person.role === "speaker") {
    add("speak", person.may_speak ? t.people.forbidSpeak : t.people.permitSpeak, () => moderation.permit("microphone", !person.may_speak, [person.id]));
    add("show", person.may_show ? t.people.forbidShow : t.people.permitShow, () => moderation.permit("camera", !person.may_show, [person.id]));
    add("share", person.may_share ? t.people.forbidShare : t.people.permitShare, () => moderation.permit("screen", !person.may_share, [person.id]));
  }
  if (!isSelf && person.hand !== undefined) add("lower-hand", t.people.lowerHand, () => moderation.lowerHands([person.id]));
  const labels: Record<Role, string> = { owner: t.people.makeOwner, moderator: t.people.makeModerator, speaker: t.people.makeSpeaker, viewer: t.people.makeViewer };
  for (const wanted of rolesFor(person, role, isSelf)) add(`make-${wanted}`, labels[wanted], () => moderation.setRole(person.id, wanted));
  if (!isSelf && (role === "owner" || person.role !== "owner")) {
    items.push({ id: "remove", label: t.people.remove, danger: true, onSelect: () => onRemove(person) });
  }
  return items;
}

/* Owners make owners and unmake leaders; moderators raise others up to their own rank and lower those who do not lead, or themselves. */
function rolesFor(person: Participant, own: Role, isSelf: boolean): Role[] {
  const all: Role[] = own === "owner" ? ["owner", "moderator", "speaker", "viewer"] : ["moderator", "speaker", "viewer"];
  if (isSelf) return own === "moderator" ? ["speaker"] : [];
  if (own !== "owner" && isModerator(person.role)) return [];
  return all.filter((role) => role !== person.role);
}

export function sends(person: Participant, source: Source): boolean {
  return person.tracks.some((track) => track.source === source && !track.muted);
}
