import { isModerator, type BreakoutPlace } from "@plenum/sdk";
import { useState, type SubmitEvent } from "react";
import { Switch } from "../controls/Switch.js";
import { cut } from "../lib/room.js";
import type { Session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { t } from "../messages.js";
import { NumberField } from "./RulesDialog.js";

type Way = "random" | "hand" | "choose";

const MOST_ROOMS = 50;
const MOST_MINUTES = 1440;
const NAME_OCTETS = 128;

/** Makes breakout rooms: how many, by which names, who goes where. */
export function BreakoutPlanner({ session }: { session: Session }) {
  const { people, localId } = useStore(session);
  const [names, setNames] = useState([t.breakouts.named(1), t.breakouts.named(2)]);
  const [way, setWay] = useState<Way>("random");
  const [places, setPlaces] = useState<ReadonlyMap<number, number>>(new Map());
  const [force, setForce] = useState(true);
  const [minutes, setMinutes] = useState(0);

  const resize = (count: number) => {
    const wanted = Math.min(MOST_ROOMS, Math.max(1, count));
    setNames(Array.from({ length: wanted }, (_, i) => names[i] ?? t.breakouts.named(i + 1)));
    setPlaces(new Map([...places].filter(([, room]) => room <= wanted)));
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const chosen: BreakoutPlace[] = [...places].filter(([, room]) => room > 0).map(([participant, room]) => ({ participant, room }));
    session.run(
      session.meeting.breakouts.open({
        rooms: names.map((name, i) => name.trim() || t.breakouts.named(i + 1)),
        random: way === "random",
        places: way === "hand" ? chosen : [],
        force: way !== "choose" && force,
        mayChoose: way === "choose",
        minutes,
      }),
    );
  };

  return (
    <form className="rules" onSubmit={submit}>
      <NumberField label={t.breakouts.create} testId="breakout-count" most={MOST_ROOMS} value={names.length} onChange={resize} />
      <ol className="breakout-names">
        {names.map((name, i) => (
          <li key={i}>
            <input
              className="input"
              data-testid="breakout-name"
              aria-label={t.breakouts.nameOf(i + 1)}
              value={name}
              onChange={(event) => setNames(names.map((other, j) => (i === j ? cut(event.target.value, NAME_OCTETS) : other)))}
            />
          </li>
        ))}
      </ol>
      <fieldset>
        <legend>{t.breakouts.assign}</legend>
        <div className="segments">
          {(["random", "hand", "choose"] as const).map((each) => (
            <label key={each}>
              <input type="radio" name="way" data-testid={`breakout-way-${each}`} checked={way === each} onChange={() => setWay(each)} />
              <span>{{ random: t.breakouts.atRandom, hand: t.breakouts.byHand, choose: t.breakouts.themselves }[each]}</span>
            </label>
          ))}
        </div>
        {way === "hand" && (
          <ul className="breakout-places">
            {people
              .filter((person) => person.id !== localId || !isModerator(person.role))
              .map((person) => (
                <li key={person.id}>
                  <bdi className="person-name">{person.name}</bdi>
                  <select
                    className="input select"
                    data-testid="breakout-place"
                    data-participant-name={person.name}
                    aria-label={t.breakouts.roomOf(person.name)}
                    value={places.get(person.id) ?? 0}
                    onChange={(event) => setPlaces(new Map([...places, [person.id, Number(event.target.value)]]))}
                  >
                    <option value={0}>{t.breakouts.stay}</option>
                    {names.map((name, i) => (
                      <option key={i} value={i + 1}>
                        {name}
                      </option>
                    ))}
                  </select>
                </li>
              ))}
          </ul>
        )}
        {way !== "choose" && <Switch label={t.breakouts.force} help={t.breakouts.forceHelp} testId="breakout-force" on={force} onChange={setForce} />}
      </fieldset>
      <NumberField label={t.breakouts.minutes} testId="breakout-minutes" most={MOST_MINUTES} value={minutes} onChange={setMinutes} />
      <div className="dialog-foot">
        <button type="submit" className="button primary" data-testid="breakout-open">
          {t.breakouts.open}
        </button>
      </div>
    </form>
  );
}
