import { useEffect, useState } from "react";
import { CheckIcon, LinkIcon } from "../icons.js";
import { t } from "../messages.js";

interface CopyButtonProps {
  /** What is copied. */
  text: string;
  label: string;
  testId: string;
  className: string;
}

/** Puts a text into the clipboard, and says so. */
export function CopyButton({ text, label, testId, className }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => setCopied(await copyText(text, label));
  return (
    <button type="button" className={`button ${className}`} data-testid={testId} aria-label={label} onClick={() => void copy()}>
      {copied ? <CheckIcon /> : <LinkIcon />}
      <span aria-live="polite">{copied ? t.controls.copied : label}</span>
    </button>
  );
}

/* The clipboard is there on secure pages only; elsewhere a prompt lets the person copy by hand. */
async function copyText(text: string, label: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    window.prompt(label, text);
    return false;
  }
}
