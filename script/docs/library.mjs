// The library and every page's example, compiled together: an example is a module that imports the package by name.
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import ts from "typescript";
import { docs, problems, root, shown } from "./run.mjs";

const { exports: entries } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Entry points of the package by their names, from its sources. */
const paths = Object.fromEntries(
  Object.entries(entries)
    .filter(([, file]) => file.endsWith(".js"))
    .map(([name, file]) => [
      name.replace(/^\./, "tricloud"),
      [file.replace("./dist/", "./").replace(/\.js$/, ".ts")],
    ]),
);

/** Paths of all pages there are, from docs/constructs on. */
export function listedPages() {
  const folder = join(docs, "constructs");
  if (!existsSync(folder)) return [];
  return ts.sys.readDirectory(folder, [".md"]).map((file) => relative(folder, file));
}

/** Text of each example by the path of its module, which does not exist as a file. */
const examples = new Map(listedPages().flatMap(readExample));

function readExample(page) {
  const markdown = readFileSync(join(docs, "constructs", page), "utf8");
  const blocks = [...markdown.matchAll(/^```ts\n([\s\S]*?)^```/gm)];
  if (blocks.length !== 1) {
    problems.push(
      `${shown(join(docs, "constructs", page))}: expected one example in TypeScript, got: ${blocks.length}`,
    );
    return [];
  }
  const [{ 1: text, index }] = blocks;
  // Begins at the line of the page that it begins at, so that the compiler's messages name that one.
  const linesBefore = "\n".repeat(markdown.slice(0, index).split("\n").length);
  return [[join(root, "docs/constructs", `${page}.ts`), `${linesBefore}${text}`]];
}

/** What examples find in place, as docs/constructs/README.md says. */
const given = new Map([
  [join(root, "docs/constructs/stack.d.ts"), `declare const stack: import("cdktf").TerraformStack;\n`],
]);

function compile() {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  // Examples end where they have shown enough: what they leave unused is for the reader to use.
  Object.assign(options, {
    paths,
    pathsBasePath: root,
    noEmit: true,
    types: ["node"],
    noUnusedLocals: false,
  });
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  const virtual = new Map([...examples, ...given]);
  host.fileExists = (file) => virtual.has(file) || fileExists(file);
  host.readFile = (file) => virtual.get(file) ?? readFile(file);
  host.getSourceFile = (file, languageVersion, ...rest) =>
    virtual.has(file)
      ? ts.createSourceFile(file, virtual.get(file), languageVersion, true)
      : getSourceFile(file, languageVersion, ...rest);
  const files = Object.values(paths).map(([file]) => resolve(root, file));
  return ts.createProgram([...files, ...virtual.keys()], options, host);
}

export const program = compile();
export const checker = program.getTypeChecker();

/** What the package exports: symbols, each with the first entry point that has it. */
export const exported = new Map();
for (const [name, [file]] of Object.entries(paths)) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(resolve(root, file)));
  for (const symbol of checker.getExportsOfModule(module)) {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    if (!exported.has(target)) exported.set(target, name);
  }
}

/** Finds what the compiler has to say of the examples. */
export function checkExamples() {
  for (const file of examples.keys()) {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    for (const { start, messageText } of found) {
      const { line } = source.getLineAndCharacterOfPosition(start ?? 0);
      const page = join(docs, relative(join(root, "docs"), file.replace(/\.ts$/, "")));
      problems.push(`${shown(page)}:${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
    }
  }
}
