// Builds the panel into labkit/panel/labextensions/labkit-panel, as one file that JupyterLab loads by itself.
//
// Usage: node build.mjs            write it
//        node build.mjs --check    exit status 1 unless what is there is what would be written
//
// JupyterLab loads a prebuilt extension as a container of webpack's module federation: a script that puts an object
// with `init` and `get` under window._JUPYTERLAB (jupyterlab/jupyterlab:dev_mode/bootstrap.js). `init` is given
// JupyterLab's own modules, and the panel takes all it needs from there; so a container is the few lines below, and
// esbuild is all that the build needs.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const own = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const target = join(here, "..", "labkit", "panel", "labextensions", own.name);

const bundle = await build({
  absWorkingDir: here,
  entryPoints: ["src/index.ts"],
  bundle: true,
  write: false,
  metafile: true,
  format: "cjs",
  target: "es2022",
  charset: "utf8",
  external: ["@codemirror/*", "@jupyterlab/*", "@lumino/*"],
  loader: { ".css": "text" },
});
const shared = Object.values(bundle.metafile.inputs)
  .flatMap((input) => input.imports.filter((imported) => imported.external).map((imported) => imported.path))
  .filter((path, position, all) => all.indexOf(path) === position)
  .sort();

const script = `(() => {
let scope;
const load = async (name) => {
  const [version] = Object.values(scope[name] ?? {});
  if (!version) throw new Error("labkit's panel: this JupyterLab shares no " + name);
  return [name, (await version.get())()];
};
(window._JUPYTERLAB ??= {})[${JSON.stringify(own.name)}] = {
  init: (sharedScope) => { scope = sharedScope; },
  get: async () => {
    const modules = Object.fromEntries(await Promise.all(${JSON.stringify(shared)}.map(load)));
    const module = { exports: {} };
    const start = performance.now();
    ((require, module, exports) => {
${bundle.outputFiles[0].text}
    })((name) => modules[name], module, module.exports);
    performance.measure("labkit-panel", { start });
    return () => module.exports;
  },
};
})();
`;

// tests/unit/panel/test_built_files.py computes the same.
const sources = createHash("sha256");
for (const name of ["build.mjs", "package-lock.json", "package.json", "tsconfig.json", ...sorted("src")]) {
  sources.update(`${name}\0`).update(readFileSync(join(here, name))).update("\0");
}
const load = `static/remoteEntry.${createHash("sha256").update(script).digest("hex").slice(0, 20)}.js`;
const { name, version, description } = own;
const files = {
  [load]: script,
  "package.json": `${JSON.stringify(
    {
      name,
      version,
      description,
      private: true,
      jupyterlab: { extension: true, _build: { load, extension: "./extension" } },
      labkit: { sources: sources.digest("hex") },
    },
    null,
    2,
  )}\n`,
};

function sorted(folder) {
  return readdirSync(join(here, folder)).sort().map((file) => `${folder}/${file}`);
}

const present = existsSync(join(target, "static")) ? readdirSync(join(target, "static")) : [];
const isThere = ([file, text]) => existsSync(join(target, file)) && readFileSync(join(target, file), "utf8") === text;
if (process.argv.includes("--check")) {
  if (present.length !== 1 || !Object.entries(files).every(isThere)) {
    console.error("the built panel does not belong to its sources; build it again: make extension");
    process.exit(1);
  }
} else {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(target, "static"), { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(target, file), text);
  console.log(`${join(target, load)}: ${script.length} bytes`);
}
