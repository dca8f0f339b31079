import { useEffect, useRef, type KeyboardEventHandler, type ReactNode } from "react";
import { CloseIcon } from "../icons.js";
import { t } from "../messages.js";

interface DialogProps {
  title: string;
  testId: string;
  /** `full`: as large as the window. */
  size?: "" | "wide" | "full";
  onKeyDown?: KeyboardEventHandler;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog over everything: focus stays in it, Escape closes it. */
export function Dialog({ title, testId, size = "", onKeyDown, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    /* A dialog that closes gives the focus back; with one that is taken away open, as by a Cancel, it would be lost. */
    return () => {
      if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog className={`dialog ${size}`} ref={dialog} onClose={onClose} onKeyDown={onKeyDown} aria-label={title} data-testid={testId}>
      <header className="panel-head">
        <h2>{title}</h2>
        <button type="button" className="icon-button" data-testid={`${testId}-close`} aria-label={t.controls.close} onClick={() => dialog.current?.close()}>
          <CloseIcon />
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  testId: string;
  confirm: string;
  cancel: string;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, testId, confirm, cancel, onConfirm, onClose, children }: ConfirmProps) {
  return (
    <Dialog title={title} testId={testId} onClose={onClose}>
      {children}
      <div className="dialog-foot">
        <button type="button" className="button" data-testid={`${testId}-cancel`} onClick={onClose}>
          {cancel}
        </button>
        <button
          type="button"
          className="button danger"
          data-testid={`${testId}-confirm`}
          onClick={() => {
            onConfirm();
            onClose();
          }}
        >
          {confirm}
        </button>
      </div>
    </Dialog>
  );
}
