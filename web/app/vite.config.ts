import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const server = "http://127.0.0.1:8080";

export default defineConfig({
  resolve: { alias: { "@plenum/sdk": fileURLToPath(new URL("../sdk/src/index.ts", import.meta.url)) } },
  esbuild: { jsx: "automatic" },
  build: {
    target: "es2022",
    /* The page's Content-Security-Policy admits files of our own only, no data: addresses. */
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/ws": { target: server, ws: true },
      "/api": server,
    },
  },
});
