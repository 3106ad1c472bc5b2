// Joins the compiled app and all that it loads into dist/main.js: starting one file takes two thirds of the time and
// memory that starting some hundred takes. The library beside it (dist/constructs) stays as the compiler left it.
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { build } from "esbuild";

const dist = resolve("dist");

/** Modules that read files beside themselves go on finding them: their folder is no longer the running file's. */
const ownFolder = {
  name: "own-folder",
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(`${dist}/`)) return undefined;
      const folder = JSON.stringify(relative(dist, dirname(path)));
      const contents = readFileSync(path, "utf8").replaceAll(
        "__dirname",
        `require("node:path").join(__dirname, ${folder})`,
      );
      return { contents, loader: "js" };
    });
  },
};

await build({
  entryPoints: ["dist/main.js"],
  outfile: "dist/main.js",
  allowOverwrite: true,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  plugins: [ownFolder],
  logLevel: "warning",
});
