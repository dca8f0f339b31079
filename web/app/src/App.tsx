import { PlenumError, type PlenumErrorCode } from "@plenum/sdk";
import { useCallback, useEffect, useRef, useState } from "react";
import { takeReturn } from "./lib/comeBack.js";
import { spoken } from "./lib/language.js";
import type { LocalMedia } from "./lib/localMedia.js";
import { nameInToken, roomFromPath, roomPath } from "./lib/room.js";
import { Session, type Credentials } from "./lib/session.js";
import { settings } from "./lib/settings.js";
import { useStore } from "./lib/store.js";
import { t } from "./messages.js";
import { HomePage } from "./pages/HomePage.js";
import { LeftPage } from "./pages/LeftPage.js";
import { LobbyPage } from "./pages/LobbyPage.js";
import { MeetingPage } from "./pages/MeetingPage.js";
import { WaitingPage } from "./pages/WaitingPage.js";

export function App({ local }: { local: LocalMedia }) {
  /* All words are drawn anew when another language is spoken. */
  useStore(spoken);
  const [room, setRoom] = useState(() => roomFromPath(location.pathname));
  const [session, setSession] = useState<Session>();
  /* The one that is shown, or that is being joined. */
  const current = useRef<Session>(undefined);
  /* This page was loaded anew in the middle of a meeting. */
  const [back, setBack] = useState(() => takeReturn(room));
  /* Why one was turned away while waiting. */
  const [refusal, setRefusal] = useState<PlenumErrorCode>();

  /* Whatever one goes away from: no meeting goes on unseen, no device stays open. */
  const leave = useCallback(() => {
    current.current?.leave();
    current.current = undefined;
    local.close();
    setSession(undefined);
    setBack(undefined);
  }, [local]);

  useEffect(() => {
    const onBack = () => {
      const target = roomFromPath(location.pathname);
      /* Before a meeting another fragment, for instance with a token, leads nowhere else. */
      if (target === room && !session) return;
      leave();
      setRoom(target);
    };
    window.addEventListener("popstate", onBack);
    return () => window.removeEventListener("popstate", onBack);
  }, [leave, room, session]);

  useEffect(() => {
    document.title = room ? `${room} · ${t.product}` : t.product;
  }, [room]);

  const goTo = (target: string, fragment = "") => {
    leave();
    history.pushState(null, "", (target ? roomPath(target) : "/") + location.search + fragment);
    setRoom(target);
  };

  const goHome = () => goTo("");

  const join = async (name: string, credentials: Credentials) => {
    const next = new Session(room, name, local, { ...tokenOfLink(), ...credentials });
    current.current = next;
    setRefusal(undefined);
    const unwatch = next.meeting.on("waiting", () => setSession(next));
    try {
      await next.join();
    } catch (error) {
      const code = error instanceof PlenumError ? error.code : "internal";
      setSession((shown) => (shown === next ? undefined : shown));
      if (current.current === next) setRefusal(code === "closed" ? undefined : code);
      throw error;
    } finally {
      unwatch();
    }
    /* One went elsewhere meanwhile; the devices are open for something else, if at all. */
    if (current.current !== next) {
      next.meeting.leave();
      return;
    }
    settings.visited(room);
    setSession(next);
  };

  /* The session itself, with its id and role, where it still runs; what was on is on again. */
  const takeBack = async (former: Session) => {
    const { name, credentials, meeting } = former;
    await local.start();
    if (current.current !== former) return;
    const { secret } = meeting;
    await join(name, { ...credentials, ...(secret === undefined ? {} : { secret }) }).catch(() => setSession(undefined));
  };

  useEffect(() => {
    if (!back) return;
    const { name, secret, microphone, camera } = back;
    if (microphone) void local.turn("microphone", true);
    if (camera) void local.turn("camera", true);
    join(name, { secret })
      .catch(() => undefined)
      .finally(() => setBack(undefined));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, as the page begins
  }, []);

  if (back && !session) return <main className="page" aria-busy="true" data-testid="coming-back" />;
  if (!room) return <HomePage onEnter={goTo} />;
  if (!session) return <LobbyPage key={room} room={room} givenName={nameInToken(tokenOfLink().token ?? "")} local={local} refusal={refusal} onJoin={join} onHome={goHome} />;
  return <InSession session={session} local={local} room={room} onRejoin={() => setSession(undefined)} onTakeBack={() => takeBack(session)} onHome={goHome} />;
}

interface InSessionProps {
  session: Session;
  local: LocalMedia;
  room: string;
  onRejoin: () => void;
  onTakeBack: () => Promise<void>;
  onHome: () => void;
}

function InSession({ session, local, room, onRejoin, onTakeBack, onHome }: InSessionProps) {
  const { ended, people, waiting } = useStore(session);
  if (ended) return <LeftPage reason={ended} room={room} onRejoin={onRejoin} onTakeBack={onTakeBack} onHome={onHome} />;
  if (waiting && people.length === 0) return <WaitingPage session={session} room={room} />;
  return <MeetingPage session={session} local={local} room={room} />;
}

/* In the part of a link that browsers keep to themselves: #token=… */
function tokenOfLink(): Credentials {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  return token ? { token } : {};
}
