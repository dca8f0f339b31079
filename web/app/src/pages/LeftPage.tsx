import type { EndReason } from "@plenum/sdk";
import { useState } from "react";
import { Logo } from "../icons.js";
import { t } from "../messages.js";

interface LeftPageProps {
  reason: EndReason;
  room: string;
  onRejoin: () => void;
  onTakeBack: () => Promise<void>;
  onHome: () => void;
}

export function LeftPage({ reason, room, onRejoin, onTakeBack, onHome }: LeftPageProps) {
  const { title, text } = t.endings[reason];
  const [busy, setBusy] = useState(false);
  const takeBack = () => {
    setBusy(true);
    void onTakeBack();
  };
  return (
    <main className="page left" data-testid="left-page" data-reason={reason}>
      <header className="brand">
        <Logo />
        <span>{t.product}</span>
      </header>
      <section className="home-card centred">
        <p className="room-chip">{room}</p>
        <h1>{title}</h1>
        <p className="lead">{text}</p>
        <div className="button-row">
          {reason === "taken" && (
            <button type="button" className="button primary" data-testid="take-back" disabled={busy} onClick={takeBack}>
              {t.left.takeBack}
            </button>
          )}
          {/* Who was removed would be refused. */}
          {reason !== "taken" && reason !== "removed" && (
            <button type="button" className="button primary" data-testid="rejoin" onClick={onRejoin}>
              {t.left.rejoin}
            </button>
          )}
          <button type="button" className={`button ${reason === "removed" ? "primary" : ""}`} data-testid="home" onClick={onHome}>
            {t.left.home}
          </button>
        </div>
      </section>
    </main>
  );
}
