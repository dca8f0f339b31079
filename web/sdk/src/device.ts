/** Where ids are kept; localStorage unless told otherwise. */
export type DeviceStore = Pick<Storage, "getItem" | "setItem">;

const PREFIX = "plenum.device.";

/**
 * The id by which this browser is known in one room: random, and another one in every room, so that nobody can follow a person from
 * room to room. The server uses it to keep out who was removed. Without storage it lasts as long as the page.
 */
export function deviceId(room: string, store: DeviceStore | undefined = localStore()): string {
  const known = read(store, room);
  if (known) return known;
  const made = randomId();
  keepDeviceId(room, made, store);
  return made;
}

/** The same room by another name, for instance its number, has the same id. */
export function keepDeviceId(room: string, id: string, store: DeviceStore | undefined = localStore()): void {
  try {
    store?.setItem(PREFIX + room, id);
  } catch {
    /* Storage is full or forbidden. */
  }
}

function read(store: DeviceStore | undefined, room: string): string | undefined {
  try {
    const id = store?.getItem(PREFIX + room) ?? "";
    return /^[A-Za-z0-9_.-]{16,64}$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

/* Reading the property throws where a browser forbids storage. */
function localStore(): DeviceStore | undefined {
  try {
    return (globalThis as { localStorage?: Storage }).localStorage;
  } catch {
    return undefined;
  }
}

function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}
