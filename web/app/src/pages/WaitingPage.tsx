import { Logo } from "../icons.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

/** One is not in yet: all that is known here is that one waits. */
export function WaitingPage({ session, room }: { session: Session; room: string }) {
  const { waiting, state } = useStore(session);
  const { title, text } = t.waiting[waiting ?? "lobby"];
  return (
    <main className="page waiting" data-testid="waiting-page" data-reason={waiting}>
      <header className="brand">
        <Logo />
        <span>{t.product}</span>
      </header>
      <section className="home-card centred">
        <p className="room-chip">{room}</p>
        <span className="waiting-dots" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        <div role="status">
          <h1>{title}</h1>
          <p className="lead">{state === "reconnecting" ? t.waiting.reconnecting : text}</p>
        </div>
        <p className="waiting-as">{t.waiting.as(session.name)}</p>
        <button type="button" className="button" data-testid="waiting-leave" onClick={() => session.leave()}>
          {t.waiting.leave}
        </button>
      </section>
    </main>
  );
}
