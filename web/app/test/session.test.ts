import type { Role } from "@plenum/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LocalMedia, Outlet } from "../src/lib/localMedia.js";
import { adviceOn, Session } from "../src/lib/session.js";
import { t } from "../src/messages.js";

const person = { id: 1, name: "Ada", role: "speaker" as Role, joined_at: 0, tracks: [], may_speak: true, may_show: true, may_share: true };

/* A session of which no server was asked, with its devices, and where these tell of themselves. */
function makeSession() {
  let outlet: Outlet | undefined;
  const local = {
    sendTo: (given: Outlet) => {
      outlet = given;
      return () => undefined;
    },
    stopped: vi.fn(),
    letGo: vi.fn(),
  };
  const session = new Session("tea", "Ada", local as unknown as LocalMedia);
  const { meeting } = session;
  const role = vi.spyOn(meeting, "role", "get").mockReturnValue("speaker");
  vi.spyOn(meeting, "join").mockResolvedValue();
  session.set({ people: [person], role: "speaker" });
  /* As the SDK does it: what is stopped first, then the role. */
  const become = (now: Role, stopped: ("microphone" | "camera")[]) => {
    role.mockReturnValue(now);
    for (const source of stopped) meeting["emit"]("sourceStopped", { source, reason: "forbidden" });
    meeting["emit"]("role", now);
  };
  const texts = () => session.get().notices.map(({ text }) => text);
  const fail: Outlet["fail"] = (what, reason) => outlet?.fail(what, reason);
  return { session, local, role, become, texts, fail };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", {});
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("location", { protocol: "https:", host: "meet.example.org" });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("who becomes a viewer", () => {
  it("keeps no device open, and is told once", () => {
    const { local, become, texts } = makeSession();
    become("viewer", ["microphone", "camera"]);
    expect(local.stopped).toHaveBeenCalledTimes(2);
    expect(local.letGo).toHaveBeenCalledOnce();
    expect(texts()).toEqual([t.prompts.viewer]);
    become("speaker", []);
    expect(texts()).toEqual([t.prompts.viewer, t.prompts.speaker]);
  });

  it("hears why nothing can be turned on", () => {
    const { session, become, texts } = makeSession();
    become("viewer", []);
    session.meeting["emit"]("sourceStopped", { source: "microphone", reason: "forbidden" });
    expect(texts()).toEqual([t.prompts.viewer, t.prompts.forbidden(t.prompts.sources.microphone)]);
  });

  it("or comes as one, lets go of what was tried before", async () => {
    const { session, local, role } = makeSession();
    role.mockReturnValue("viewer");
    await session.join();
    expect(local.letGo).toHaveBeenCalledOnce();
  });
});

describe("advice", () => {
  const busy = adviceOn("camera", "busy");

  it("stands once, for as long as after the last time it was given", async () => {
    const { session, texts, fail } = makeSession();
    await session.join();
    fail("camera", "busy");
    vi.advanceTimersByTime(9_000);
    fail("camera", "busy");
    fail("microphone", "busy");
    expect(texts()).toEqual([busy, adviceOn("microphone", "busy")]);
    vi.advanceTimersByTime(9_000);
    expect(texts()).toContain(busy);
    vi.advanceTimersByTime(1_000);
    expect(texts()).toEqual([]);
    fail("camera", "busy");
    expect(texts()).toEqual([busy]);
  });
});
