/*
 * A page that is loaded anew is the same person again. What that takes lies in the tab's storage only from the moment that the page goes away until the
 * next one has looked: a copy of the tab, which gets a copy of its storage, finds nothing there and takes no session over.
 */

/** What the next page of this tab needs. */
export interface Return {
  room: string;
  name: string;
  secret: string;
  /** What was on: nothing else is turned on. */
  microphone: boolean;
  camera: boolean;
}

type TabStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const KEY = "plenum.return";
/* Who comes back later than this is asked first, as anybody. */
const GOOD_FOR_MS = 20_000;

export function keepReturn(back: Return, now = Date.now(), store: TabStore | undefined = tabStore()): void {
  try {
    store?.setItem(KEY, JSON.stringify({ ...back, at: now }));
  } catch {
    /* Without storage one comes back as anybody does. */
  }
}

/** Take it out of the storage. Undefined: there is nothing, or it is of another room, or too old. */
export function takeReturn(room: string, now = Date.now(), store: TabStore | undefined = tabStore()): Return | undefined {
  try {
    const text = store?.getItem(KEY);
    store?.removeItem(KEY);
    const { at, ...back } = JSON.parse(text ?? "{}") as Partial<Return> & { at?: unknown };
    if (typeof at !== "number" || now < at || now > at + GOOD_FOR_MS || back.room !== room) return undefined;
    if (typeof back.name !== "string" || typeof back.secret !== "string") return undefined;
    return { room, name: back.name, secret: back.secret, microphone: back.microphone === true, camera: back.camera === true };
  } catch {
    return undefined;
  }
}

function tabStore(): TabStore | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
