import { useEffect, useState } from "react";
import type { LocalMedia } from "./lib/localMedia.js";
import { roomFromPath, roomPath } from "./lib/room.js";
import { Session } from "./lib/session.js";
import { settings } from "./lib/settings.js";
import { useStore } from "./lib/store.js";
import { t } from "./messages.js";
import { HomePage } from "./pages/HomePage.js";
import { LeftPage } from "./pages/LeftPage.js";
import { LobbyPage } from "./pages/LobbyPage.js";
import { MeetingPage } from "./pages/MeetingPage.js";

export function App({ local }: { local: LocalMedia }) {
  const [room, setRoom] = useState(() => roomFromPath(location.pathname));
  const [session, setSession] = useState<Session>();

  useEffect(() => {
    const onBack = () => {
      session?.leave();
      setSession(undefined);
      setRoom(roomFromPath(location.pathname));
    };
    window.addEventListener("popstate", onBack);
    return () => window.removeEventListener("popstate", onBack);
  }, [session]);

  useEffect(() => {
    document.title = room ? `${room} · ${t.product}` : t.product;
  }, [room]);

  const goTo = (target: string) => {
    history.pushState(null, "", (target ? roomPath(target) : "/") + location.search);
    setSession(undefined);
    setRoom(target);
  };

  const goHome = () => {
    local.close();
    goTo("");
  };

  const join = async (name: string) => {
    const next = new Session(room, name, local);
    await next.join();
    settings.visited(room);
    setSession(next);
  };

  if (!room) return <HomePage onEnter={goTo} />;
  if (!session) return <LobbyPage key={room} room={room} local={local} onJoin={join} onHome={goHome} />;
  return <InSession session={session} local={local} room={room} onRejoin={() => setSession(undefined)} onHome={goHome} />;
}

interface InSessionProps {
  session: Session;
  local: LocalMedia;
  room: string;
  onRejoin: () => void;
  onHome: () => void;
}

function InSession({ session, local, room, onRejoin, onHome }: InSessionProps) {
  const { ended } = useStore(session);
  if (ended) return <LeftPage reason={ended} room={room} onRejoin={onRejoin} onHome={onHome} />;
  return <MeetingPage session={session} local={local} room={room} />;
}
