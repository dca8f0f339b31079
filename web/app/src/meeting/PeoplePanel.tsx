import { TEXT_LIMITS, type Participant, type Role } from "@plenum/sdk";
import { useState, type SubmitEvent } from "react";
import { CopyLink } from "../controls/CopyLink.js";
import { CameraIcon, CameraOffIcon, MicIcon, MicOffIcon, PencilIcon, ScreenIcon } from "../icons.js";
import { cut } from "../lib/room.js";
import { settings } from "../lib/settings.js";
import { hueOf, initials } from "../lib/text.js";
import { t } from "../messages.js";
import { SidePanel } from "./SidePanel.js";

interface PeoplePanelProps {
  people: readonly Participant[];
  localId: number;
  speakers: readonly number[];
  onRename: (name: string) => Promise<void>;
  onClose: () => void;
}

const ROLES: Partial<Record<Role, string>> = { owner: t.people.owner, moderator: t.people.moderator, viewer: t.people.viewer };

export function PeoplePanel({ people, localId, speakers, onRename, onClose }: PeoplePanelProps) {
  return (
    <SidePanel title={t.people.title} testId="people-panel" onClose={onClose}>
      <p className="panel-note">{t.people.count(people.length)}</p>
      <ul className="people">
        {people.map((person) => (
          <Person key={person.id} person={person} isLocal={person.id === localId} isSpeaking={speakers.includes(person.id)} onRename={onRename} />
        ))}
      </ul>
      <footer className="panel-foot">
        <CopyLink wide />
      </footer>
    </SidePanel>
  );
}

interface PersonProps {
  person: Participant;
  isLocal: boolean;
  isSpeaking: boolean;
  onRename: (name: string) => Promise<void>;
}

function Person({ person, isLocal, isSpeaking, onRename }: PersonProps) {
  const [editing, setEditing] = useState(false);
  const sends = (source: string) => person.tracks.some((track) => track.source === source && !track.muted);
  const role = ROLES[person.role];
  return (
    <li className="person" data-testid="person" data-participant-name={person.name}>
      <span className={`avatar tiny hue-${hueOf(person.name)} ${isSpeaking ? "speaking" : ""}`}>{initials(person.name)}</span>
      {editing ? (
        <RenameForm name={person.name} onRename={onRename} onDone={() => setEditing(false)} />
      ) : (
        <>
          <span className="person-name">
            {isLocal ? t.meeting.nameAndYou(person.name) : person.name}
            {role && <small>{role}</small>}
          </span>
          {isLocal && (
            <button type="button" className="icon-button small" data-testid="rename" aria-label={t.people.rename} onClick={() => setEditing(true)}>
              <PencilIcon />
            </button>
          )}
          <span className="person-state">
            {sends("screen") && <ScreenIcon />}
            {sends("camera") ? <CameraIcon /> : <CameraOffIcon className="dim" />}
            {sends("microphone") ? <MicIcon /> : <MicOffIcon className="dim" />}
          </span>
        </>
      )}
    </li>
  );
}

function RenameForm({ name, onRename, onDone }: { name: string; onRename: (name: string) => Promise<void>; onDone: () => void }) {
  const [text, setText] = useState(name);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const wanted = cut(text.trim(), TEXT_LIMITS.rename.name);
    if (!wanted) return;
    settings.set({ name: wanted });
    onRename(wanted).catch(() => undefined);
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
