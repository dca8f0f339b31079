import type { Appearance } from "./settings.js";

const systemIsLight = matchMedia("(prefers-color-scheme: light)");
let wanted: Appearance = "system";

function show(): void {
  const isLight = wanted === "light" || (wanted === "system" && systemIsLight.matches);
  document.documentElement.dataset.appearance = isLight ? "light" : "dark";
}

systemIsLight.addEventListener("change", show);

/** Dark or light, or what the system has, also when that changes. */
export function showAppearance(appearance: Appearance): void {
  wanted = appearance;
  show();
}
