import { useState, type SubmitEvent } from "react";
import { ArrowIcon, CloseIcon, Logo } from "../icons.js";
import { fragmentFromText, randomRoom, roomFromText } from "../lib/room.js";
import { settings } from "../lib/settings.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

export function HomePage({ onEnter }: { onEnter: (room: string, fragment?: string) => void }) {
  const [text, setText] = useState("");
  const [invalid, setInvalid] = useState(false);
  const { recent } = useStore(settings);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const room = roomFromText(text);
    if (room) onEnter(room, fragmentFromText(text));
    else setInvalid(true);
  };

  return (
    <main className="page home">
      <header className="brand">
        <Logo />
        <span>{t.product}</span>
      </header>
      <section className="home-card">
        <h1>{t.home.title}</h1>
        <p className="lead">{t.home.tagline}</p>
        <button type="button" className="button primary wide" data-testid="create-room" onClick={() => onEnter(randomRoom())}>
          {t.home.create}
        </button>
        <p className="divider">
          <span>{t.home.or}</span>
        </p>
        <form className="field-row" onSubmit={submit}>
          <label className="visually-hidden" htmlFor="room">
            {t.home.roomLabel}
          </label>
          <input
            id="room"
            className="input"
            data-testid="room-name"
            value={text}
            placeholder={t.home.roomPlaceholder}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            aria-invalid={invalid}
            aria-describedby={invalid ? "room-problem" : undefined}
            onChange={(event) => {
              setText(event.target.value);
              setInvalid(false);
            }}
          />
          <button type="submit" className="button" data-testid="enter-room" aria-label={t.home.enter} disabled={!text.trim()}>
            <ArrowIcon />
          </button>
        </form>
        <p className="hint">{t.home.roomHelp}</p>
        {invalid && (
          <p className="problem" id="room-problem" role="alert">
            {t.home.invalid}
          </p>
        )}
        {recent.length > 0 && (
          <div className="recent">
            <h2>{t.home.recent}</h2>
            <ul>
              {recent.map((room) => (
                <li key={room}>
                  <button type="button" className="recent-room" data-testid="recent-room" onClick={() => onEnter(room)}>
                    {room}
                  </button>
                  <button type="button" className="icon-button small" aria-label={t.home.forget(room)} onClick={() => settings.forget(room)}>
                    <CloseIcon />
                  </button>
                </li>
              ))}
            </ul>
          </div>
        )}
      </section>
    </main>
  );
}
