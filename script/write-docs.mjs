// Writes what docs/constructs says of each construct's inputs, outputs and verbs from the JSDoc beside the source, and
// docs/region.schema.json from the schema that regions are validated by.
//
//   npm run docs              writes it between the markers of each page, and a page for a construct that has none
//   npm run docs -- --check   writes nothing: names pages that are missing, out of date or without an example, JSDoc
//                             that says too little, and examples that do not compile; exits 1 when there are any
//
// --docs DIR takes another directory than docs.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { format, resolveConfig } from "prettier";
import { checkExamples, listedPages } from "./docs/library.mjs";
import { index, partsOf, reference, summary } from "./docs/markdown.mjs";
import { FOLDERS, pages } from "./docs/pages.mjs";
import { regionSchema } from "./docs/region-schema.mjs";
import { docs, onlyCheck, problems, root, shown } from "./docs/run.mjs";

const INDEX = "README.md";
const pageFile = (path) => join(docs, "constructs", path);

const marked = (name, text) => `<!-- docs: ${name} -->\n\n${text}\n\n<!-- /docs -->`;

function skeleton(page) {
  return `# ${page.title}\n\n${marked("summary", "")}\n\n## Makes\n\n## Usage\n\n${marked("reference", "")}\n`;
}

/** The page with what stands between its markers made anew. */
function renewed(path, markdown, texts) {
  for (const name of Object.keys(texts)) {
    if (!markdown.includes(`<!-- docs: ${name} -->`))
      problems.push(`${shown(path)}: has no <!-- docs: ${name} -->`);
  }
  return markdown.replace(/<!-- docs: ([\w ]+) -->[\s\S]*?<!-- \/docs -->/g, (region, name) =>
    name in texts ? marked(name, texts[name]) : region,
  );
}

const style = await resolveConfig(join(root, "README.md"));

async function put(path, texts, otherwise) {
  const present = existsSync(path) ? readFileSync(path, "utf8") : undefined;
  if (present === undefined && onlyCheck) {
    problems.push(`${shown(path)}: is missing, expected a page; npm run docs begins one`);
    return;
  }
  keep(
    path,
    present,
    await format(renewed(path, present ?? otherwise, texts), { ...style, parser: "markdown" }),
  );
}

/** Writes a text that is not there as it shall be, or says so. */
function keep(path, present, wanted) {
  if (wanted === present) return;
  if (onlyCheck) {
    problems.push(`${shown(path)}: differs from what the source says; npm run docs writes it anew`);
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, wanted);
  console.log(`wrote ${shown(path)}`);
}

const schemaFile = join(docs, "region.schema.json");
keep(
  schemaFile,
  existsSync(schemaFile) ? readFileSync(schemaFile, "utf8") : undefined,
  await format(JSON.stringify(await regionSchema()), { ...style, parser: "json" }),
);
for (const page of pages) {
  await put(pageFile(page.path), { summary: summary(page), reference: reference(page) }, skeleton(page));
}
await put(pageFile(INDEX), { index: index() }, `# Constructs\n\n${marked("index", "")}\n`);
for (const [folder, [, guide]] of Object.entries(FOLDERS)) {
  // A guide to one part links to it in its own words.
  if (guide === undefined || pages.filter((page) => page.folder === folder).length < 2) continue;
  await put(join(docs, guide), { [`parts ${folder}`]: partsOf(folder) }, "");
}
const expected = new Set([INDEX, ...pages.map(({ path }) => path)]);
for (const path of listedPages()) {
  if (!expected.has(path)) problems.push(`${shown(pageFile(path))}: no construct of that name is exported`);
}

checkExamples();

for (const problem of [...new Set(problems)].sort()) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
