import { isModerator, TEXT_LIMITS, type Participant, type Role } from "@plenum/sdk";
import { useDeferredValue, useState, type SubmitEvent } from "react";
import { CopyLink } from "../controls/CopyLink.js";
import { Menu, type MenuItem } from "../controls/Menu.js";
import { CameraIcon, CameraOffIcon, HandIcon, MicIcon, MicOffIcon, MoreIcon, PencilIcon, ScreenIcon, SearchIcon } from "../icons.js";
import { cut } from "../lib/room.js";
import type { Session } from "../lib/session.js";
import { settings } from "../lib/settings.js";
import { useStore } from "../lib/store.js";
import { hueOf, initials } from "../lib/text.js";
import { t } from "../messages.js";
import { WaitingList } from "./LobbyPrompt.js";
import { actionsFor, sends, type PersonActions } from "./personActions.js";
import { RemoveDialog } from "./RemoveDialog.js";
import { SidePanel } from "./SidePanel.js";

interface PeoplePanelProps {
  session: Session;
  onWhisper: (person: Participant) => void;
  onClose: () => void;
}

const roleName = (role: Role | undefined) => (role === undefined || role === "speaker" ? undefined : t.people[role]);
/* Fewer are seen at one glance. */
const SEARCH_FROM = 8;
const SHOWN_AT_ONCE = 100;

export function PeoplePanel({ session, onWhisper, onClose }: PeoplePanelProps) {
  const { people, localId, speakers, total, viewers, role, room, lobby } = useStore(session);
  const [query, setQuery] = useState("");
  const [limit, setLimit] = useState(SHOWN_AT_ONCE);
  const [removing, setRemoving] = useState<Participant>();
  const wanted = useDeferredValue(query.trim().toLocaleLowerCase());

  const found = wanted ? people.filter((person) => person.name.toLocaleLowerCase().includes(wanted)) : people;
  const hands = handsOf(people);
  const sorted = [...found].sort((a, b) => placeOf(a, hands, localId) - placeOf(b, hands, localId));
  const actions: PersonActions = { session, role, localId, mayWhisper: room?.settings.may_whisper ?? true, onWhisper, onRemove: setRemoving };

  return (
    <SidePanel title={t.people.title} testId="people-panel" onClose={onClose}>
      <div className="panel-note people-note">
        <p data-testid="people-count">
          {t.people.count(total)}
          {viewers > 0 && ` · ${t.people.viewers(viewers)}`}
        </p>
        {isModerator(role) && (
          <Menu label={t.more.title} testId="everybody" items={everybodyItems(session, hands.size > 0)}>
            <MoreIcon />
          </Menu>
        )}
      </div>
      {lobby.total > 0 && (
        <section className="queue" aria-label={t.queue.title}>
          <h3>{t.queue.title}</h3>
          <WaitingList session={session} lobby={lobby} />
        </section>
      )}
      {people.length >= SEARCH_FROM && (
        <label className="search">
          <SearchIcon />
          <input className="input" type="search" data-testid="people-search" aria-label={t.people.search} placeholder={t.people.search} value={query} onChange={(event) => setQuery(event.target.value)} />
        </label>
      )}
      <ul className="people">
        {sorted.slice(0, limit).map((person) => (
          <Person
            key={person.id}
            person={person}
            isLocal={person.id === localId}
            isSpeaking={speakers.includes(person.id)}
            hand={hands.get(person.id)}
            actions={actionsFor(person, actions)}
            onRename={(name) => session.run(session.meeting.rename(name))}
          />
        ))}
      </ul>
      {sorted.length > limit && (
        <button type="button" className="button wide people-more" data-testid="people-more" onClick={() => setLimit(limit + SHOWN_AT_ONCE)}>
          {t.people.more(sorted.length - limit)}
        </button>
      )}
      {sorted.length === 0 && <p className="panel-empty">{t.people.nobody}</p>}
      <footer className="panel-foot">
        <CopyLink room={room} />
      </footer>
      {removing && (
        <RemoveDialog
          name={removing.name}
          hasLobby={room?.settings.lobby ?? false}
          onRemove={(lobbyToo) => session.run(session.meeting.moderation.kick(removing.id, { lobby: lobbyToo }))}
          onClose={() => setRemoving(undefined)}
        />
      )}
    </SidePanel>
  );
}

function everybodyItems(session: Session, anyHand: boolean): MenuItem[] {
  const { moderation } = session.meeting;
  const item = (id: string, label: string, action: () => Promise<void>): MenuItem => ({ id, label, onSelect: () => session.run(action()) });
  return [
    item("mute", t.people.muteAll, () => moderation.mute("microphone")),
    item("cameras", t.people.camerasOff, () => moderation.mute("camera")),
    ...(anyHand ? [item("hands", t.people.lowerHands, () => moderation.lowerHands())] : []),
  ];
}

/* Who raised a hand first is number 1. */
function handsOf(people: readonly Participant[]): Map<number, number> {
  const raised = people.filter((person) => person.hand !== undefined).sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0));
  return new Map(raised.map((person, i) => [person.id, i + 1]));
}

/* Hands in their order, then oneself, then everybody as they came. */
function placeOf(person: Participant, hands: ReadonlyMap<number, number>, localId: number): number {
  const hand = hands.get(person.id);
  if (hand !== undefined) return hand;
  return hands.size + (person.id === localId ? 1 : 2);
}

interface PersonProps {
  person: Participant;
  isLocal: boolean;
  isSpeaking: boolean;
  hand: number | undefined;
  actions: readonly MenuItem[];
  onRename: (name: string) => void;
}

function Person({ person, isLocal, isSpeaking, hand, actions, onRename }: PersonProps) {
  const [editing, setEditing] = useState(false);
  const about = [isLocal ? t.meeting.you : "", roleName(person.role) ?? ""].filter(Boolean).join(" · ");
  const watches = person.role === "viewer";
  return (
    <li className="person" data-testid="person" data-participant-name={person.name} data-role={person.role}>
      <span className={`avatar tiny hue-${hueOf(person.name)} ${isSpeaking ? "speaking" : ""}`} aria-hidden="true">
        {initials(person.name)}
      </span>
      {editing ? (
        <RenameForm name={person.name} onRename={onRename} onDone={() => setEditing(false)} />
      ) : (
        <>
          <span className="person-name">
            <bdi>{person.name}</bdi>
            {about && <small>{about}</small>}
          </span>
          {hand !== undefined && (
            <span className="hand-badge" role="img" aria-label={t.people.hand(hand)} data-testid="person-hand">
              <HandIcon />
              {hand}
            </span>
          )}
          {isLocal && (
            <button type="button" className="icon-button small" data-testid="rename" aria-label={t.people.rename} onClick={() => setEditing(true)}>
              <PencilIcon />
            </button>
          )}
          {!watches && (
            <span className="person-state" role="img" aria-label={stateOf(person)}>
              {sends(person, "screen") && <ScreenIcon />}
              {sends(person, "camera") ? <CameraIcon /> : <CameraOffIcon className="dim" />}
              {sends(person, "microphone") ? <MicIcon /> : <MicOffIcon className="dim" />}
            </span>
          )}
          {actions.length > 0 && (
            <Menu label={t.people.menu(person.name)} testId="person-menu" items={actions}>
              <MoreIcon />
            </Menu>
          )}
        </>
      )}
    </li>
  );
}

function stateOf(person: Participant): string {
  return [
    ...(sends(person, "screen") ? [t.devices.screen] : []),
    ...(sends(person, "camera") ? [] : [t.meeting.cameraOff]),
    sends(person, "microphone") ? t.devices.microphone : t.meeting.muted,
  ].join(", ");
}

function RenameForm({ name, onRename, onDone }: { name: string; onRename: (name: string) => void; onDone: () => void }) {
  const [text, setText] = useState(name);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const wanted = cut(text.trim(), TEXT_LIMITS.rename.name);
    if (!wanted) return;
    settings.set({ name: wanted });
    onRename(wanted);
    onDone();
  };
  return (
    <form className="rename" onSubmit={submit}>
      <input
        className="input"
        data-testid="rename-text"
        aria-label={t.people.rename}
        value={text}
        autoFocus
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && onDone()}
      />
      <button type="submit" className="button small" data-testid="rename-save">
        {t.people.save}
      </button>
    </form>
  );
}
