// Builds the scripts of the page into ../assets, or into the folder of `--outdir=`. The editor brings
// React along: it is minified, has a style sheet, and comes with the licences of what it contains.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values } = parseArgs({ options: { outdir: { type: "string", default: "../assets" } } });
const { outdir } = values;

const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  logLevel: "warning",
};

const widgets = readdirSync("src/widgets").map((name) => `src/widgets/${name}`);
await build({ ...common, entryPoints: widgets, outdir });

const { metafile } = await build({
  ...common,
  entryPoints: { editor: "src/editor/editor.tsx" },
  outdir,
  minify: true,
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none", // all licences are in a file of their own
  metafile: true,
});

const sheet = await build({
  ...common,
  entryPoints: { editor: "src/editor/editor.css" },
  outdir,
  metafile: true,
});

/** Returns the folders of all packages in a bundle. */
function packagesIn(...metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const folders = inputs.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  return [...new Set(folders.filter(Boolean))].sort();
}

/** Returns the name, version and licence of a package, with the text of the licence. */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  const text = file ? readFileSync(`${folder}/${file}`, "utf8").trim() : "";
  return `${name} ${version} (${license})\n\n${text}`.trim();
}

const head = "editor.js and editor.css contain the following packages.";
const inside = "node_modules/@dagrejs/graphlib"; // in the file of dagre
const notices = [...packagesIn(metafile, sheet.metafile), inside].sort().map(notice);
const rule = `\n\n${"-".repeat(78)}\n\n`;
writeFileSync(`${outdir}/editor.LICENSE`, `${[head, ...notices].join(rule)}\n`);
