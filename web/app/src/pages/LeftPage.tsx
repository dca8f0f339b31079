import type { LeaveReason } from "@plenum/sdk";
import { Logo } from "../icons.js";
import { t } from "../messages.js";

interface LeftPageProps {
  reason: LeaveReason;
  room: string;
  onRejoin: () => void;
  onHome: () => void;
}

export function LeftPage({ reason, room, onRejoin, onHome }: LeftPageProps) {
  const { title, text } = t.endings[reason];
  return (
    <main className="page left" data-testid="left-page">
      <header className="brand">
        <Logo />
        <span>{t.product}</span>
      </header>
      <section className="home-card centred">
        <p className="room-chip">{room}</p>
        <h1>{title}</h1>
        <p className="lead">{text}</p>
        <div className="button-row">
          <button type="button" className="button primary" data-testid="rejoin" onClick={onRejoin}>
            {t.left.rejoin}
          </button>
          <button type="button" className="button" data-testid="home" onClick={onHome}>
            {t.left.home}
          </button>
        </div>
      </section>
    </main>
  );
}
