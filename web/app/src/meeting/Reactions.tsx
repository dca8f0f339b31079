import { useRef } from "react";
import { ReactIcon } from "../icons.js";
import type { Floating, Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

const SIGNS: [kind: string, sign: string][] = [
  ["thumbs_up", "👍"],
  ["clap", "👏"],
  ["heart", "❤️"],
  ["laugh", "😂"],
  ["surprise", "😮"],
  ["sad", "😢"],
  ["party", "🎉"],
  ["thumbs_down", "👎"],
];
const SIGN_OF = new Map([...SIGNS, ["think", "🤔"], ["wave", "👋"], ["yes", "✅"], ["no", "❌"], ["slower", "🐢"], ["faster", "🐇"]] as [string, string][]);
const LANES = 6;

/** The button with its choice of signs. */
export function ReactButton({ session }: { session: Session }) {
  const list = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const send = (kind: string) => {
    list.current?.hidePopover();
    button.current?.focus();
    session.run(session.meeting.react(kind));
  };
  return (
    <>
      <button type="button" ref={button} className="control" data-testid="react" aria-label={t.reactions.title} title={t.reactions.title} popoverTarget="reactions">
        <ReactIcon />
      </button>
      <div id="reactions" ref={list} className="reaction-choice" popover="auto" role="group" aria-label={t.reactions.title}>
        {SIGNS.map(([kind, sign]) => (
          <button key={kind} type="button" className="reaction-button" data-testid={`react-${kind}`} aria-label={t.reactions.kinds[kind]} title={t.reactions.kinds[kind]} onClick={() => send(kind)}>
            {sign}
          </button>
        ))}
      </div>
    </>
  );
}

/** Signs that rise over the stage, and what a screen reader says of them. */
export function ReactionLayer({ session }: { session: Session }) {
  const { reactions } = useStore(session);
  return (
    <div className="reactions" data-testid="reactions">
      {reactions.map((reaction) => (
        <Sign key={reaction.key} reaction={reaction} />
      ))}
      <div className="visually-hidden" role="log" aria-live="polite">
        {reactions.slice(-3).map((reaction) => (
          <p key={reaction.key}>{t.reactions.from(reaction.name, t.reactions.kinds[reaction.kind] ?? reaction.kind)}</p>
        ))}
      </div>
    </div>
  );
}

function Sign({ reaction }: { reaction: Floating }) {
  return (
    <span className={`reaction lane-${reaction.key % LANES}`} aria-hidden="true" data-testid="reaction" data-kind={reaction.kind}>
      <span className="reaction-sign">{SIGN_OF.get(reaction.kind) ?? "✨"}</span>
      <bdi>{reaction.name}</bdi>
    </span>
  );
}
