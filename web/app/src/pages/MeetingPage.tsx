import type { ConnectionState, Participant, Source } from "@plenum/sdk";
import { useEffect, useRef, useState } from "react";
import { CopyLink } from "../controls/CopyLink.js";
import { Logo, PersonAddIcon, ScreenIcon, WarningIcon } from "../icons.js";
import { keepReturn } from "../lib/comeBack.js";
import type { LocalMedia, LocalState } from "../lib/localMedia.js";
import { byArrival } from "../lib/order.js";
import { trackKey, type Session, type SessionState } from "../lib/session.js";
import { settings } from "../lib/settings.js";
import { useStore } from "../lib/store.js";
import { useFullScreen } from "../lib/useFullScreen.js";
import { useKeys } from "../lib/useKeys.js";
import { AskPrompt } from "../meeting/AskPrompt.js";
import { AudioOutput } from "../meeting/AudioOutput.js";
import { BreakoutBanner } from "../meeting/BreakoutBanner.js";
import { ChatPanel } from "../meeting/ChatPanel.js";
import { ControlBar, type Panel } from "../meeting/ControlBar.js";
import { LobbyPrompt } from "../meeting/LobbyPrompt.js";
import { MoreMenu, RoomDialogs, StartBanner, type RoomDialog } from "../meeting/MoreMenu.js";
import { PeoplePanel } from "../meeting/PeoplePanel.js";
import { ReactButton, ReactionLayer } from "../meeting/Reactions.js";
import { RecordingBanner } from "../meeting/RecordingBanner.js";
import { SettingsDialog } from "../meeting/SettingsDialog.js";
import { Stage } from "../meeting/Stage.js";
import type { TileModel } from "../meeting/Tile.js";
import { t } from "../messages.js";

interface MeetingPageProps {
  session: Session;
  local: LocalMedia;
  room: string;
}

export function MeetingPage({ session, local, room }: MeetingPageProps) {
  const state = useStore(session);
  const own = useStore(local);
  const [panel, setPanel] = useState<Panel>();
  const [settingsOpen, setSettingsOpen] = useState(false);
  const [pinned, setPinned] = useState<string>();
  const [dialog, setDialog] = useState<RoomDialog>();
  const [whisperTo, setWhisperTo] = useState<number>();
  const { hideCameras, hideScreens, layout } = useStore(settings);
  const { isFull, toggle: toggleFull } = useFullScreen();
  const unread = useUnread(state, panel === "chat");

  const toggleMic = () => void local.toggle("microphone");
  const toggleCamera = () => void local.toggle("camera");
  const toggleShare = () => {
    if (own.screen) local.stopSharing();
    else void local.share();
  };
  const togglePanel = (wanted: "chat" | "people") => setPanel(panel === wanted ? undefined : wanted);
  const leave = () => session.leave();
  const handRaised = state.people.find((person) => person.id === state.localId)?.hand !== undefined;
  const toggleHand = () => session.run(session.meeting.raiseHand(!handRaised));
  const toggleLayout = () => settings.set({ layout: layout === "grid" ? "speaker" : "grid" });
  const whisper = (person: Participant) => {
    setWhisperTo(person.id);
    setPanel("chat");
  };

  const talking = useRef(false);
  useKeys(
    { m: toggleMic, v: toggleCamera, s: toggleShare, c: () => togglePanel("chat"), p: () => togglePanel("people"), h: toggleHand, l: toggleLayout, f: () => toggleFull?.(), "?": () => setDialog("keys") },
    {
      down: () => {
        talking.current = !own.microphone.on;
        if (talking.current) void local.turn("microphone", true);
      },
      up: () => {
        if (talking.current) void local.turn("microphone", false);
      },
    },
  );
  useLeaveOnUnload(session, local, room);

  const dominant = state.speakers.find((id) => id !== state.localId);
  const [lastSpeaker, setLastSpeaker] = useState(dominant);
  if (dominant !== undefined && dominant !== lastSpeaker) setLastSpeaker(dominant);
  const tiles = tilesOf(state, own).filter((tile) => isShown(tile, own, hideScreens));
  const shares = useArrivals(tiles.filter((tile) => tile.source === "screen").map((tile) => tile.key));
  const main =
    tiles.find((tile) => tile.key === pinned) ??
    tiles.find((tile) => tile.key === shares.at(-1)) ??
    (layout === "speaker" ? speakerTile(tiles, lastSpeaker) : undefined);
  /* Whoever waits is the better news. */
  const alone = state.people.length === 1 && !state.breakouts.open && state.lobby.total === 0;

  return (
    <main className={`meeting ${panel ? "with-panel" : ""}`} data-testid="meeting">
      <header className="meeting-head">
        <Logo />
        <h1>{titleOf(state, room)}</h1>
        <button type="button" className="button small ghost head-invite" data-testid="invite" onClick={() => setDialog("invite")}>
          <PersonAddIcon />
          <span>{t.invite.open}</span>
        </button>
        {(hideCameras || hideScreens) && (
          <button type="button" className="button small ghost" data-testid="saving" onClick={() => setSettingsOpen(true)}>
            {t.settings.saving}
          </button>
        )}
      </header>
      <div className="banners">
        <Banner state={state} />
        <RecordingBanner session={session} onStop={() => setDialog("record-stop")} />
        <StartBanner session={session} />
        <BreakoutBanner session={session} onRooms={() => setDialog("breakouts")} />
      </div>
      <div className="meeting-body">
        <div className="meeting-stage">
          {own.screen && (
            <p className="sharing" role="status">
              <ScreenIcon />
              <span>{own.presents === "camera" ? t.meeting.sharingCamera : t.meeting.sharing}</span>
              <button type="button" className="button small" data-testid="stop-sharing" onClick={toggleShare}>
                {t.controls.shareOff}
              </button>
            </p>
          )}
          <Stage
            meeting={session.meeting}
            tiles={tiles}
            main={main}
            dominant={dominant}
            hideCameras={hideCameras}
            pairs={session.slots.pairs}
            pinned={pinned}
            onPin={(key) => setPinned(pinned === key ? undefined : key)}
          />
          {alone && (
            <div className="alone" data-testid="alone">
              <strong>{t.meeting.alone}</strong>
              <span>{t.meeting.aloneHelp}</span>
              <CopyLink room={state.room} />
            </div>
          )}
          <ReactionLayer session={session} />
          <div className="prompts">
            {panel !== "people" && <LobbyPrompt session={session} />}
            <AskPrompt session={session} local={local} />
          </div>
          <div className="notices" aria-live="polite">
            {state.notices.map((notice) => (
              <p key={notice.key} className={notice.isAdvice ? "notice advice" : "notice"}>
                {notice.text}
              </p>
            ))}
          </div>
        </div>
        {panel === "chat" && <ChatPanel session={session} to={whisperTo} onTo={setWhisperTo} onClose={() => setPanel(undefined)} />}
        {panel === "people" && <PeoplePanel session={session} onWhisper={whisper} onClose={() => setPanel(undefined)} />}
      </div>
      <ControlBar
        micOn={own.microphone.on}
        cameraOn={own.camera.on}
        sharing={own.screen !== undefined}
        panel={panel}
        unread={unread}
        people={state.total}
        waiting={state.lobby.total}
        handRaised={handRaised}
        onHand={toggleHand}
        reactions={<ReactButton session={session} />}
        more={
          <MoreMenu
            session={session}
            onOpen={setDialog}
            viewItems={[
              { id: "layout", label: layout === "grid" ? t.view.speaker : t.view.grid, onSelect: toggleLayout },
              ...(toggleFull ? [{ id: "full-screen", label: isFull ? t.view.leaveFullScreen : t.view.fullScreen, onSelect: toggleFull }] : []),
            ]}
            onSettings={() => setSettingsOpen(true)}
            sharing={own.screen !== undefined}
            onShare={toggleShare}
          />
        }
        onMic={toggleMic}
        onCamera={toggleCamera}
        onShare={toggleShare}
        onPanel={togglePanel}
        onSettings={() => setSettingsOpen(true)}
        onLeave={leave}
      />
      <AudioOutput streams={state.audioStreams} />
      <RoomDialogs session={session} local={local} title={titleOf(state, room)} open={dialog} onClose={() => setDialog(undefined)} />
      {settingsOpen && <SettingsDialog local={local} onClose={() => setSettingsOpen(false)} />}
    </main>
  );
}

/* One's own screen is no news, and would show itself; what one's camera shows others is worth a look. */
function isShown({ isLocal, source }: TileModel, own: LocalState, hideScreens: boolean): boolean {
  if (source === "camera") return true;
  return isLocal ? own.presents === "camera" && own.screen !== undefined : !hideScreens;
}

/* What is presented, the newest last. */
function useArrivals(present: readonly string[]): readonly string[] {
  const [known, setKnown] = useState<readonly string[]>([]);
  const next = byArrival(known, present);
  if (next !== known) setKnown(next);
  return next;
}

/* Who spoke last fills the stage, and before anybody has spoken whoever came first. */
function speakerTile(tiles: readonly TileModel[], speaker: number | undefined): TileModel | undefined {
  const others = tiles.filter((tile) => tile.source === "camera" && !tile.isLocal);
  return others.find((tile) => tile.participant.id === speaker) ?? others[0];
}

/* A breakout room's own name, else the room's title, else its name, which is known once one is in. */
function titleOf({ room }: SessionState, link: string): string {
  if (room?.breakout !== undefined) return room.name;
  return room?.settings.title?.trim() || room?.name || link;
}

/* It was there, and is to be there. Before the first time nothing is broken, nor while a viewer sends nothing. */
function useIsBroken(connection: ConnectionState): boolean {
  const wasConnected = useRef(false);
  useEffect(() => {
    if (connection === "connected" || connection === "idle") wasConnected.current = connection === "connected";
  }, [connection]);
  return connection === "connecting" && wasConnected.current;
}

function Banner({ state }: { state: SessionState }) {
  const sendingBroke = useIsBroken(state.media.publish);
  const receivingBroke = useIsBroken(state.media.receive);
  const text = state.state === "reconnecting" ? t.meeting.reconnecting : sendingBroke || receivingBroke ? t.meeting.mediaBroken : undefined;
  if (!text) return null;
  return (
    <p className="banner" role="alert" data-testid="banner">
      <WarningIcon />
      {text}
    </p>
  );
}

/* One tile for everybody's camera, in the order of joining, and one for every shared screen. */
function tilesOf(state: SessionState, own: LocalState): TileModel[] {
  const tileOf = (participant: Participant, source: "camera" | "screen"): TileModel => {
    const isLocal = participant.id === state.localId;
    const shown = isLocal ? withOwnMutes(participant, own) : participant;
    const localTrack = source === "camera" ? (own.camera.on ? own.camera.track : undefined) : own.screen;
    return {
      key: trackKey(participant.id, source),
      participant: shown,
      source,
      isLocal,
      localTrack: isLocal ? localTrack : undefined,
      remote: state.tracks.get(trackKey(participant.id, source)),
      isSpeaking: source === "camera" && state.speakers.includes(participant.id) && isUnmuted(shown),
      send: isLocal ? state.quality?.send : undefined,
      receive: isLocal ? undefined : state.quality?.participants.get(participant.id),
    };
  };
  const sharing = state.people.filter((p) => p.tracks.some((track) => track.source === "screen" && !track.muted));
  return [...sharing.map((p) => tileOf(p, "screen")), ...state.people.map((p) => tileOf(p, "camera"))];
}

/* The word of a mute may overtake that of who speaks. */
function isUnmuted({ tracks }: Participant): boolean {
  return tracks.some((track) => track.source === "microphone" && !track.muted);
}

/* One's own tile shows at once what one did, not after the server has told it. */
function withOwnMutes(participant: Participant, own: LocalState): Participant {
  const isMuted: Partial<Record<Source, boolean>> = { microphone: !own.microphone.on, camera: !own.camera.on };
  return { ...participant, tracks: participant.tracks.map((track) => ({ ...track, muted: isMuted[track.source] ?? track.muted })) };
}

/* Messages that came while the chat was closed, those before joining not counted. */
function useUnread({ chat, localId, room }: SessionState, isOpen: boolean): number {
  const last = chat.at(-1)?.number ?? 0;
  const [seen, setSeen] = useState(last);
  const [place, setPlace] = useState(room?.breakout);
  if (isOpen && seen !== last) setSeen(last);
  /* Every room counts its own messages. */
  if (place !== room?.breakout) {
    setPlace(room?.breakout);
    setSeen(last);
  }
  return isOpen ? 0 : chat.filter((message) => message.number > seen && message.from !== localId).length;
}

/* The others should not have to wait for the grace time when a tab is closed; one that is loaded anew comes back by what is kept for it. */
function useLeaveOnUnload(session: Session, local: LocalMedia, room: string): void {
  useEffect(() => {
    const onHide = (event: PageTransitionEvent) => {
      if (event.persisted) return;
      const { secret } = session.meeting;
      const { microphone, camera } = local.get();
      if (secret !== undefined) keepReturn({ room, name: session.name, secret, microphone: microphone.on, camera: camera.on });
      session.meeting.leave({ soft: true });
    };
    window.addEventListener("pagehide", onHide);
    return () => window.removeEventListener("pagehide", onHide);
  }, [session, local, room]);
}
