import { useEffect, useState } from "react";
import { CheckIcon, LinkIcon } from "../icons.js";
import { t } from "../messages.js";

/** Puts the meeting's address into the clipboard. */
export function CopyLink({ wide = false }: { wide?: boolean }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async () => {
    const link = location.origin + location.pathname;
    setCopied(await copyText(link));
  };

  return (
    <button type="button" className={`button ${wide ? "wide" : "small ghost"}`} data-testid="copy-link" aria-label={t.controls.copyLink} onClick={() => void copy()}>
      {copied ? <CheckIcon /> : <LinkIcon />}
      <span aria-live="polite">{copied ? t.controls.copied : t.controls.copyLink}</span>
    </button>
  );
}

/* The clipboard is there on secure pages only; elsewhere a prompt lets the person copy by hand. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    window.prompt(t.controls.copyLink, text);
    return false;
  }
}
