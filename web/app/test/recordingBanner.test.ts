import type { RecordingReason, RecordingStatus, Role } from "@plenum/sdk";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, describe, expect, it } from "vitest";
import type { Session } from "../src/lib/session.js";
import { Store } from "../src/lib/store.js";
import { RecordingBanner } from "../src/meeting/RecordingBanner.js";
import { de } from "../src/messages.de.js";
import { fr } from "../src/messages.fr.js";
import { en, setMessages } from "../src/messages.js";

const SERVER_TIME = 1_000_000;

function banner(status: RecordingStatus | undefined, role: Role = "speaker"): string {
  const session = Object.assign(new Store({ recording: { available: true, granted: false, status }, role }), { meeting: { serverTime: SERVER_TIME } });
  return renderToStaticMarkup(createElement(RecordingBanner, { session: session as unknown as Session, onStop: () => undefined }));
}

/* What a screen reader says, and what is seen. */
const said = (html: string) => /role="status"[^>]*>([^<]*)</.exec(html)?.[1];
const seen = (html: string) => /data-state="([^"]*)"/.exec(html)?.[1];
const has = (html: string, id: string) => html.includes(`data-testid="${id}"`);

describe("the recording's banner", () => {
  afterEach(() => setMessages(en));

  it("shows the time by the server's clock", () => {
    expect(/role="timer"[^>]*>([^<]*)</.exec(banner({ state: "on", since: SERVER_TIME - 65_000 }))?.[1]).toBe("1:05");
  });

  it.each([
    ["disk_full", "No space is left for recordings."],
    ["disk_error", "The disk fails."],
    ["disk_slow", "The disk cannot keep up."],
    ["no_recorder", "The recorder cannot be reached."],
  ] as [RecordingReason, string][])("tells everybody that it is paused, %s, and that it may go on", (reason, why) => {
    for (const role of ["viewer", "speaker", "moderator"] as const) {
      const html = banner({ state: "paused", since: 0, reason }, role);
      expect([seen(html), said(html)]).toEqual(["paused", `The recording is paused. ${why}`]);
      /* It runs still: no time, and who leads may end it. */
      expect([has(html, "recording-time"), has(html, "recording-stop"), has(html, "recording-dismiss")]).toEqual([false, role === "moderator", false]);
    }
  });

  it("tells everybody that it failed, until they close it", () => {
    for (const role of ["viewer", "moderator"] as const) {
      const html = banner({ state: "failed", since: 0, reason: "disk_full" }, role);
      expect([seen(html), said(html)]).toEqual(["failed", "The recording failed. No space is left for recordings."]);
      expect([has(html, "recording-stop"), has(html, "recording-dismiss")]).toEqual([false, true]);
    }
  });

  it("tells that a fault ended it, though what was recorded can be played", () => {
    for (const state of ["closing", "ready"] as const) expect(said(banner({ state, since: 0, reason: "disk_error" }))).toBe("The recording has ended. The disk fails.");
  });

  it("is gone when it was ended on purpose, and there when there is nothing to say, for screen readers", () => {
    for (const status of [undefined, { state: "ready", since: 0, reason: "asked" } as const, { state: "closing", since: 0, reason: "limit" } as const]) {
      const html = banner(status);
      expect([seen(html), said(html)]).toEqual([undefined, ""]);
    }
  });

  it.each([
    [de, "Die Aufzeichnung pausiert. Für Aufzeichnungen ist kein Platz mehr.", "Die Aufzeichnung ist fehlgeschlagen. Der Datenträger hat Fehler."],
    [fr, "L’enregistrement est en pause. Il n’y a plus de place pour les enregistrements.", "L’enregistrement a échoué. Le disque est défaillant."],
  ])("speaks the language of the page", (words, paused, failed) => {
    setMessages(words);
    expect(said(banner({ state: "paused", since: 0, reason: "disk_full" }))).toBe(paused);
    expect(said(banner({ state: "failed", since: 0, reason: "disk_error" }))).toBe(failed);
  });
});
