/* The package as a stranger gets it: packed, installed into an empty folder, the README's examples compiled and bundled. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const sdk = fileURLToPath(new URL("..", import.meta.url));
const web = join(sdk, "..");
const tsc = join(web, "node_modules/typescript/bin/tsc");
const { build } = createRequire(join(web, "package.json"))("vite");

const MOST_BYTES = 120_000;

let folder, examples;

const run = (program, args, cwd) => execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

before(() => {
  folder = mkdtempSync(join(tmpdir(), "plenum-sdk-"));
  const readme = readFileSync(join(sdk, "README.md"), "utf8");
  examples = [...readme.matchAll(/```ts\n([^]*?)```/g)].map((match) => match[1]);
  run("npm", ["pack", "--silent", "--pack-destination", folder], sdk);
  writeFileSync(join(folder, "package.json"), '{ "name": "stranger", "private": true, "type": "module" }\n');
  run("npm", ["install", "--silent", "--offline", ...readdirSync(folder).filter((name) => name.endsWith(".tgz"))], folder);
  examples.forEach((text, i) => writeFileSync(join(folder, `example${i}.ts`), text));
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("the package has the program, its types and the README, and no more", () => {
  const installed = join(folder, "node_modules/@plenum/sdk");
  assert.deepEqual(readdirSync(installed).sort(), ["README.md", "dist", "package.json"]);
  const kinds = new Set(readdirSync(join(installed, "dist")).map((name) => name.replace(/^[^.]+/, "")));
  assert.deepEqual([...kinds].sort(), [".d.ts", ".js", ".js.map"]);
  const { dependencies = {} } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  assert.deepEqual(dependencies, {});
});

test("every example of the README compiles, strictly", () => {
  assert.ok(examples.length >= 8, `${examples.length} examples`);
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable", "--skipLibCheck", "false"];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, ...examples.map((_, i) => `example${i}.ts`)], { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

test("an example bundles into one small file", async () => {
  await build({
    root: folder,
    logLevel: "silent",
    build: { target: "es2022", outDir: "out", lib: { entry: join(folder, "example0.ts"), formats: ["es"], fileName: "bundle" } },
  });
  const bundle = join(folder, "out", readdirSync(join(folder, "out"))[0]);
  assert.ok(statSync(bundle).size < MOST_BYTES, `${statSync(bundle).size} octets`);
  assert.match(readFileSync(bundle, "utf8"), /plenum\.v1/);
});
