import { describe, expect, it } from "vitest";
import { deviceId, keepDeviceId } from "../src/device.js";

function memory() {
  const items = new Map<string, string>();
  return { items, getItem: (key: string) => items.get(key) ?? null, setItem: (key: string, value: string) => void items.set(key, value) };
}

describe("the id of a device", () => {
  it("stays the same in one room and is another in every other", () => {
    const store = memory();
    const tea = deviceId("tea", store);
    expect(tea).toMatch(/^[0-9a-f]{32}$/);
    expect(deviceId("tea", store)).toBe(tea);
    expect(deviceId("milk", store)).not.toBe(tea);
  });

  it("follows a room to its other names", () => {
    const store = memory();
    keepDeviceId("001-0002-003", deviceId("tea", store), store);
    expect(deviceId("001-0002-003", store)).toBe(deviceId("tea", store));
  });

  it("is made anew when what is stored cannot be one", () => {
    const store = memory();
    store.setItem("plenum.device.tea", "<b>");
    expect(deviceId("tea", store)).toMatch(/^[0-9a-f]{32}$/);
  });

  it("needs no storage", () => {
    const broken = {
      getItem: () => {
        throw new Error("forbidden");
      },
      setItem: () => {
        throw new Error("full");
      },
    };
    expect(deviceId("tea", broken)).toMatch(/^[0-9a-f]{32}$/);
    expect(deviceId("tea", undefined)).toMatch(/^[0-9a-f]{32}$/);
  });
});
