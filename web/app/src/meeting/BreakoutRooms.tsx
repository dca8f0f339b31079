import { isModerator, TEXT_LIMITS, type BreakoutRoom } from "@plenum/sdk";
import { useState, type SubmitEvent } from "react";
import { timeLeft, useNow } from "../lib/clock.js";
import { cut } from "../lib/room.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";

const MORE_MS = 5 * 60_000;
const SOON_SECONDS = 60;

/** The breakout rooms that there are: who is where, visiting, moving people, the time and the way back for all. */
export function BreakoutRooms({ session, onClose }: { session: Session; onClose: () => void }) {
  const { breakouts, role, room, people, total } = useStore(session);
  const leads = isModerator(role);
  const here = room?.breakout ?? 0;
  const go = (number: number, listen = false) => {
    session.run(session.meeting.breakouts.go(number, { listen }));
    onClose();
  };
  const inRooms = new Set(breakouts.rooms.flatMap((each) => each.participants));
  const main: BreakoutRoom = { number: 0, name: t.breakouts.main, participants: here === 0 ? people.map((p) => p.id).filter((id) => !inRooms.has(id)) : [] };

  return (
    <div className="rules">
      <ul className="breakout-rooms">
        {[main, ...breakouts.rooms].map((each) => (
          <RoomCard
            key={each.number}
            session={session}
            room={each}
            rooms={[main, ...breakouts.rooms]}
            count={each.number === 0 ? (here === 0 ? total : undefined) : each.participants.length}
            isHere={each.number === here}
            leads={leads}
            onGo={leads || breakouts.mayChoose || each.number === 0 ? go : undefined}
          />
        ))}
      </ul>
      {leads && <SayToAll session={session} />}
      {leads && <Time session={session} />}
    </div>
  );
}

interface RoomCardProps {
  session: Session;
  room: BreakoutRoom;
  rooms: readonly BreakoutRoom[];
  /** How many are there; undefined where that is not told. */
  count: number | undefined;
  isHere: boolean;
  leads: boolean;
  onGo: ((number: number, listen?: boolean) => void) | undefined;
}

function RoomCard({ session, room, rooms, count, isHere, leads, onGo }: RoomCardProps) {
  const nameOf = (id: number) => session.meeting.nameOf(id) ?? t.breakouts.numbered(id);
  const move = (participant: number, to: number) => session.run(session.meeting.breakouts.assign([{ participant, room: to }], true));
  return (
    <li className={`breakout-room ${isHere ? "here" : ""}`} data-testid="breakout-room" data-room={room.number}>
      <header>
        <bdi>
          <strong>{room.name}</strong>
        </bdi>
        {count !== undefined && <small>{t.breakouts.people(count)}</small>}
        <span className="spacer" />
        {isHere && <small className="here-mark">{t.breakouts.here}</small>}
        {!isHere && leads && room.number > 0 && (
          <button type="button" className="button small ghost" data-testid="breakout-listen" onClick={() => onGo?.(room.number, true)}>
            {t.breakouts.listen}
          </button>
        )}
        {!isHere && onGo && (
          <button type="button" className="button small" data-testid="breakout-go" onClick={() => onGo(room.number)}>
            {leads ? t.breakouts.join : t.breakouts.go}
          </button>
        )}
      </header>
      {room.participants.length > 0 && (
        <ul className="breakout-people">
          {room.participants.map((id) => (
            <li key={id} data-testid="breakout-person">
              <bdi>{nameOf(id)}</bdi>
              {leads && (
                <select className="input select small" data-testid="breakout-move" aria-label={t.breakouts.moveTo(nameOf(id))} value={room.number} onChange={(event) => move(id, Number(event.target.value))}>
                  {rooms.map((each) => (
                    <option key={each.number} value={each.number}>
                      {each.name}
                    </option>
                  ))}
                </select>
              )}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function SayToAll({ session }: { session: Session }) {
  const [text, setText] = useState("");
  const [sent, setSent] = useState(false);
  const send = async () => {
    const words = cut(text.trim(), TEXT_LIMITS.breakout_say.text);
    if (!words) return;
    await session.meeting.breakouts.say(words);
    setText("");
    setSent(true);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    session.run(send());
  };
  return (
    <form className="field" onSubmit={submit}>
      <label htmlFor="breakout-say">{t.breakouts.say}</label>
      <div className="field-row">
        <input
          id="breakout-say"
          className="input"
          data-testid="breakout-say"
          value={text}
          placeholder={t.breakouts.sayPlaceholder}
          onChange={(event) => {
            setText(event.target.value);
            setSent(false);
          }}
        />
        <button type="submit" className="button" data-testid="breakout-say-send" disabled={!text.trim()}>
          {t.breakouts.send}
        </button>
      </div>
      <small role="status">{sent ? t.breakouts.sent : ""}</small>
    </form>
  );
}

function Time({ session }: { session: Session }) {
  const { breakouts } = useStore(session);
  const { meeting } = session;
  const now = useNow(meeting, breakouts.endAt !== undefined);
  const left = timeLeft(breakouts.endAt, now);
  const addTime = () => {
    const left = Math.max(0, (breakouts.endAt ?? 0) - meeting.serverTime);
    session.run(meeting.breakouts.setTime(Math.round((left + MORE_MS) / 1000)));
  };
  return (
    <div className="dialog-foot breakout-time">
      {left && (
        <span className="countdown" role="timer">
          {t.breakouts.left(left)}
        </span>
      )}
      <button type="button" className="button" data-testid="breakout-add-time" onClick={addTime}>
        {t.breakouts.add}
      </button>
      <button type="button" className="button" data-testid="breakout-close-soon" onClick={() => session.run(meeting.breakouts.close(SOON_SECONDS))}>
        {t.breakouts.closeSoon}
      </button>
      <button type="button" className="button primary" data-testid="breakout-close" onClick={() => session.run(meeting.breakouts.close())}>
        {t.breakouts.close}
      </button>
    </div>
  );
}
