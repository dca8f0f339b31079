import { HandIcon, MicIcon, CameraIcon, RoomsIcon } from "../icons.js";
import type { LocalMedia } from "../lib/localMedia.js";
import type { Prompt, Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

/** What a moderator asks of oneself: to unmute, or to go to a breakout room. Only the person decides. */
export function AskPrompt({ session, local }: { session: Session; local: LocalMedia }) {
  const { prompt } = useStore(session);
  if (!prompt) return null;
  const { title, yes, act } = wordsOf(prompt, session, local);
  return (
    <section className="prompt" role="alertdialog" aria-label={title} data-testid="ask-prompt">
      <header className="prompt-head">
        {prompt.kind === "breakout" ? <RoomsIcon /> : prompt.source === "camera" ? <CameraIcon /> : <MicIcon />}
        <strong>{title}</strong>
      </header>
      <div className="prompt-foot">
        <button type="button" className="button small" data-testid="ask-no" onClick={() => session.dismiss()}>
          {t.prompts.notNow}
        </button>
        <button
          type="button"
          className="button small primary"
          data-testid="ask-yes"
          onClick={() => {
            session.dismiss();
            act();
          }}
        >
          {yes}
        </button>
      </div>
    </section>
  );
}

function wordsOf(prompt: Prompt, session: Session, local: LocalMedia): { title: string; yes: string; act: () => void } {
  if (prompt.kind === "breakout") {
    return { title: t.prompts.invited(prompt.name), yes: t.prompts.go, act: () => session.run(session.meeting.breakouts.go(prompt.room)) };
  }
  const turnOn = () => void local.turn(prompt.source, true);
  return prompt.source === "camera"
    ? { title: t.prompts.askCamera(prompt.by), yes: t.prompts.cameraOn, act: turnOn }
    : { title: t.prompts.askMicrophone(prompt.by), yes: t.prompts.unmute, act: turnOn };
}

/** A raised hand on somebody's tile. */
export function HandBadge({ label }: { label: string }) {
  return (
    <span className="tile-hand" role="img" aria-label={label} data-testid="tile-hand">
      <HandIcon />
    </span>
  );
}
