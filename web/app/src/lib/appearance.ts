import type { Appearance } from "./settings.js";

/** Dark or light, or what the system has. */
export function showAppearance(appearance: Appearance): void {
  const { dataset } = document.documentElement;
  if (appearance === "system") delete dataset.appearance;
  else dataset.appearance = appearance;
}
