import type { Lobby } from "@plenum/sdk";
import { CheckIcon, CloseIcon, DoorIcon } from "../icons.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { hueOf, initials } from "../lib/text.js";
import { t } from "../messages.js";

const SHOWN = 5;

/** Tells those who lead that somebody waits, and lets them decide. Not modal: the meeting goes on. */
export function LobbyPrompt({ session }: { session: Session }) {
  const { lobby } = useStore(session);
  const [first] = lobby.waiting;
  if (!first) return null;
  const title = lobby.total === 1 ? t.queue.one(first.name) : t.queue.many(lobby.total);
  return (
    <section className="prompt lobby-prompt" role="alertdialog" aria-label={title} data-testid="lobby-prompt">
      <header className="prompt-head">
        <DoorIcon />
        <strong>{title}</strong>
      </header>
      <WaitingList session={session} lobby={lobby} />
    </section>
  );
}

/** Who waits, in the order of coming, with what can be done. */
export function WaitingList({ session, lobby }: { session: Session; lobby: Lobby }) {
  const { moderation } = session.meeting;
  const shown = lobby.waiting.slice(0, SHOWN);
  return (
    <div className="waiting-list">
      <ul>
        {shown.map(({ id, name }) => (
          <li key={id} data-testid="waiting-person">
            <span className={`avatar tiny hue-${hueOf(name)}`} aria-hidden="true">
              {initials(name)}
            </span>
            <bdi className="person-name">{name}</bdi>
            <button type="button" className="icon-button small refuse" data-testid="refuse" aria-label={t.queue.refuseOne(name)} title={t.queue.refuse} onClick={() => session.run(moderation.refuse([id]))}>
              <CloseIcon />
            </button>
            <button type="button" className="icon-button small accent" data-testid="admit" aria-label={t.queue.admitOne(name)} title={t.queue.admit} onClick={() => session.run(moderation.admit([id]))}>
              <CheckIcon />
            </button>
          </li>
        ))}
      </ul>
      {lobby.total > shown.length && <p className="panel-note">{t.queue.more(lobby.total - shown.length)}</p>}
      {lobby.total > 1 && (
        <div className="prompt-foot">
          <button type="button" className="button small" data-testid="refuse-all" onClick={() => session.run(moderation.refuse())}>
            {t.queue.refuseAll}
          </button>
          <button type="button" className="button small primary" data-testid="admit-all" onClick={() => session.run(moderation.admit())}>
            {t.queue.admitAll}
          </button>
        </div>
      )}
    </div>
  );
}
