import { describe, expect, it } from "vitest";
import { keepReturn, takeReturn } from "../src/lib/comeBack.js";

function makeStore() {
  const values = new Map<string, string>();
  return {
    values,
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
}

const BACK = { room: "tea", name: "Ada", secret: "0123", microphone: false, camera: true };

describe("a page that is loaded anew", () => {
  it("finds once what the one before has left", () => {
    const store = makeStore();
    keepReturn(BACK, 1000, store);
    expect(takeReturn("tea", 2000, store)).toEqual(BACK);
    expect(takeReturn("tea", 2000, store)).toBeUndefined();
    expect(store.values.size).toBe(0);
  });

  it("finds nothing of another room, of long ago, or of anybody's making", () => {
    const store = makeStore();
    keepReturn(BACK, 1000, store);
    expect(takeReturn("coffee", 2000, store)).toBeUndefined();
    keepReturn(BACK, 1000, store);
    expect(takeReturn("tea", 21_001, store)).toBeUndefined();
    for (const text of ["", "null", "[]", "{}", '{"at":1000,"room":"tea","name":1,"secret":"x"}']) {
      store.setItem("plenum.return", text);
      expect(takeReturn("tea", 1000, store)).toBeUndefined();
    }
  });
});
