import { en, setMessages, type Messages } from "../messages.js";
import { Store } from "./store.js";

/** What can be spoken, each in its own words. */
export const LANGUAGES = { de: "Deutsch", en: "English", fr: "Français" };

export type Language = keyof typeof LANGUAGES;

/* Only the language that is spoken is fetched. */
const LOADERS: Record<Language, () => Promise<Messages>> = {
  de: async () => (await import("../messages.de.js")).de,
  en: () => Promise.resolve(en),
  fr: async () => (await import("../messages.fr.js")).fr,
};

/** The language that is spoken now; whoever shows words follows it. */
export const spoken = new Store<{ language: Language }>({ language: "en" });

/** The first of the wanted languages (as browsers name them, "fr-CH") that can be spoken, else English. */
export function languageOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0] ?? "";
    if (Object.hasOwn(LANGUAGES, language)) return language as Language;
  }
  return "en";
}

/** Speak the chosen language; when none is chosen, that of the browser. */
export async function speak(chosen: string): Promise<void> {
  const language = languageOf(chosen ? [chosen] : navigator.languages);
  setMessages(await LOADERS[language]());
  document.documentElement.lang = language;
  spoken.set({ language });
}

/** Hours and minutes, as the language writes them. */
export function formatTime(ms: number): string {
  return new Intl.DateTimeFormat(spoken.get().language, { hour: "2-digit", minute: "2-digit" }).format(ms);
}

export function formatNumber(value: number, digits = 0): string {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false };
  return new Intl.NumberFormat(spoken.get().language, options).format(value);
}
