import type { ReactNode } from "react";
import { CloseIcon } from "../icons.js";
import { t } from "../messages.js";

interface SidePanelProps {
  title: string;
  testId: string;
  onClose: () => void;
  children: ReactNode;
}

export function SidePanel({ title, testId, onClose, children }: SidePanelProps) {
  return (
    <aside className="panel" aria-label={title} data-testid={testId}>
      <header className="panel-head">
        <h2>{title}</h2>
        <button type="button" className="icon-button" data-testid={`${testId}-close`} aria-label={t.controls.close} onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      {children}
    </aside>
  );
}
