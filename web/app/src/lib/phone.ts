import { useSyncExternalStore } from "react";

/* As in the style sheets. */
const SMALL_SCREEN = "(max-width: 640px), (max-height: 480px)";

export function isPhone(): boolean {
  return matchMedia(SMALL_SCREEN).matches;
}

function follow(onChange: () => void): () => void {
  const query = matchMedia(SMALL_SCREEN);
  query.addEventListener("change", onChange);
  return () => query.removeEventListener("change", onChange);
}

/** Is the page laid out for a phone now? A window may be made smaller, and a tablet be divided. */
export function usePhone(): boolean {
  return useSyncExternalStore(follow, isPhone);
}
