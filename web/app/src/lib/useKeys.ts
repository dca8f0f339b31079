import { useEffect, useRef } from "react";

export type KeyActions = Record<string, () => void>;

interface PushToTalk {
  down: () => void;
  up: () => void;
}

/** Single keys do things, except while somebody types, and never with modifiers. */
export function useKeys(actions: KeyActions, talk: PushToTalk): void {
  const latest = useRef({ actions, talk });
  useEffect(() => {
    latest.current = { actions, talk };
  });

  useEffect(() => {
    let talking = false;
    const onDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.code === "Space") {
        /* Space on a control that the keyboard stands on is that control's. */
        if (isOnControl(event.target)) return;
        event.preventDefault();
        if (event.repeat || talking) return;
        talking = true;
        latest.current.talk.down();
        return;
      }
      if (event.repeat) return;
      const action = latest.current.actions[event.key.toLowerCase()];
      if (!action) return;
      /* Or the letter would land in a field that the action opens. */
      event.preventDefault();
      action();
    };
    const stop = () => {
      if (!talking) return;
      talking = false;
      latest.current.talk.up();
    };
    const onUp = (event: KeyboardEvent) => {
      if (event.code !== "Space" || !talking) return;
      event.preventDefault();
      stop();
    };
    window.addEventListener("keydown", onDown);
    window.addEventListener("keyup", onUp);
    window.addEventListener("blur", stop);
    return () => {
      window.removeEventListener("keydown", onDown);
      window.removeEventListener("keyup", onUp);
      window.removeEventListener("blur", stop);
    };
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}

function isOnControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("button:focus-visible, a:focus-visible, summary:focus-visible");
}
