import { PlenumError, TEXT_LIMITS } from "@plenum/sdk";
import { useState, type SubmitEvent } from "react";
import { Dialog } from "../controls/Dialog.js";
import type { Session } from "../lib/session.js";
import { t } from "../messages.js";

/** Becoming the owner by the owner's key. */
export function ClaimDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState("");
  const claim = async () => {
    try {
      await session.meeting.claim(key.trim());
      onClose();
    } catch (error) {
      const code = error instanceof PlenumError ? error.code : "internal";
      setProblem(code === "too_fast" ? (t.joinErrors.too_fast ?? "") : t.claim.wrong);
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (/^[A-Za-z0-9_.-]+$/.test(key.trim())) void claim();
    else setProblem(t.claim.wrong);
  };
  return (
    <Dialog title={t.claim.title} testId="claim-dialog" onClose={onClose}>
      <form className="rules" onSubmit={submit}>
        <p>{t.claim.text}</p>
        <label className="field">
          <span>{t.claim.key}</span>
          <input className="input" data-testid="claim-key" type="password" autoComplete="off" autoFocus maxLength={TEXT_LIMITS.claim.key} value={key} onChange={(event) => setKey(event.target.value)} />
        </label>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <div className="dialog-foot">
          <button type="submit" className="button primary" data-testid="claim-confirm" disabled={!key.trim()}>
            {t.claim.confirm}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
