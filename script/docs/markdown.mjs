// What is written into pages, as Markdown.
import { dirname, relative } from "node:path";
import ts from "typescript";
import { checker } from "./library.mjs";
import { constructorOf, FOLDERS, homes, namesOfHeritage, pages, propsOf, TOLD_ELSEWHERE } from "./pages.mjs";
import {
  collapsed,
  declarationOf,
  demand,
  described,
  folderOf,
  isForConstructs,
  isMethod,
  isOptional,
  membersOf,
  namesIn,
  nodeText,
  objectForms,
  otherName,
  prose,
  sourceOf,
  staticsOf,
  tag,
  typeText,
} from "./source.mjs";

const cell = (text) => collapsed(text).replaceAll("|", "\\|");
const code = (text) => `\`${text}\``;

const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

/** The text of a type as code, leading to where the first name in it is told. */
function linked(page, text, node) {
  for (const symbol of namesIn(node)) {
    const target = linkTo(page, symbol);
    if (target !== undefined && text.includes(symbol.name)) return `[${code(text)}](${target})`;
  }
  return code(text);
}

function linkTo(page, symbol) {
  const home = homes.get(symbol);
  if (home === undefined) {
    const other = otherName(symbol.declarations[0]);
    if (other !== undefined) return linkTo(page, other);
    const elsewhere = TOLD_ELSEWHERE[folderOf(sourceOf(symbol.declarations[0]))];
    return elsewhere === undefined ? undefined : `../../${elsewhere}`;
  }
  const anchor = home.table ? `#${symbol.name.toLowerCase()}` : "";
  if (home.page === page) return anchor === "" ? undefined : anchor;
  return `${linkBetween(page, home.page)}${anchor}`;
}

function linkBetween(from, to) {
  return relative(dirname(from.path), to.path);
}

const LITERAL = /^("[^"]*"|-?[\d.]+|true|false|\[.*\]|\{.*\}|[A-Z][A-Z_]+)$/;

function defaultOf(owner, member) {
  if (!isOptional(member)) return "required";
  const [value] = tag(member, "default");
  if (value === undefined) {
    demand(member, owner, "@default");
    return "";
  }
  const text = collapsed(value);
  return LITERAL.test(text) ? code(text) : text.replace(/^- /, "");
}

function description(owner, member) {
  const text = described(member);
  const { type } = declarationOf(member);
  // A value that never differs tells itself.
  if (text === "" && !(type && ts.isLiteralTypeNode(type))) demand(member, owner, "description");
  return text;
}

const typeCell = (page, member) => linked(page, typeText(member), declarationOf(member).type);

function inputTable(page, symbol) {
  return table(
    ["name", "type", "default", "description"],
    membersOf(symbol).map((member) => [
      code(member.name),
      typeCell(page, member),
      defaultOf(symbol.name, member),
      description(symbol.name, member),
    ]),
  );
}

function outputTable(page, owner, members) {
  return table(
    ["name", "type", "description"],
    members.map((member) => [code(member.name), typeCell(page, member), description(owner, member)]),
  );
}

function signature(page, member, prefix) {
  const declaration = declarationOf(member);
  const parameters = declaration.parameters.map((one) => {
    const type = one.type === undefined ? "" : nodeText(one.type);
    if (!ts.isIdentifier(one.name)) return type;
    if (type === "Construct") return one.name.text;
    return `${one.dotDotDotToken ? "..." : ""}${one.name.text}${one.questionToken ? "?" : ""}: ${type}`;
  });
  const result = declaration.type === undefined ? "void" : nodeText(declaration.type);
  const text = `${prefix}${member.name}(${parameters.join(", ")})${result === "void" ? "" : `: ${result}`}`;
  const value = declaration.parameters.find(({ type }) => namesIn(type).some((one) => homes.get(one)?.table));
  return linked(page, text, value?.type);
}

function verbRow(page, owner, member, prefix = "") {
  const parameters = member
    .getJsDocTags(checker)
    .filter(({ name }) => name === "param")
    .map(({ text }) => {
      const [name, ...rest] = prose(text ?? []).split(" ");
      return ` ${code(name)}: ${rest.join(" ")}.`;
    });
  return [signature(page, member, prefix), `${description(owner, member)}${parameters.join("")}`];
}

/** What is refused, by whom: `@throws` of the construct's making and of its verbs. */
function refusals(page) {
  const ofNode = (node) =>
    ts
      .getJSDocTags(node)
      .filter((each) => each.tagName.text === "throws")
      .map((each) => collapsed(ts.getTextOfJSDocComment(each.comment) ?? ""));
  const worded = (text) => text.replace(/^(Range)?Error /, "").replace(/\.$/, "");
  const constructor = constructorOf(page);
  const own = constructor === undefined ? [] : ofNode(constructor).map((text) => `- ${worded(text)}`);
  const verbs = [...staticsOf(page.symbols[0]), ...membersOf(page.symbols[0]).filter(isMethod)].flatMap(
    (member) => tag(member, "throws").map((text) => `- ${code(member.name)}: ${worded(collapsed(text))}`),
  );
  return [...own, ...verbs];
}

export function summary(page) {
  const [symbol] = page.symbols;
  const taken = namesOfHeritage(page).filter((one) => isForConstructs(one) && /^I[A-Z]/.test(one.name));
  const asOthersTakeIt = taken.map((one) => {
    const target = linkTo(page, one);
    return target === undefined ? code(one.name) : `[${code(one.name)}](${target})`;
  });
  return [
    description(page.title, symbol),
    ...(page.declaration === undefined ? [] : [`\`import { ${page.title} } from "${page.from}";\``]),
    ...(taken.length === 0 ? [] : [`What needs ${asOthersTakeIt.join(" or ")} takes it.`]),
  ].join("\n\n");
}

export function reference(page) {
  const sections = page.declaration === undefined ? valueSections(page) : constructSections(page);
  const values = page.reached.all.filter(
    (symbol) => homes.get(symbol)?.page === page && homes.get(symbol).table,
  );
  if (values.length > 0) sections.push("## Values");
  for (const symbol of values) sections.push(`### ${code(symbol.name)}`, ...valueTable(page, symbol));
  const refused = page.declaration === undefined ? [] : refusals(page);
  if (refused.length > 0) sections.push("## Refused", refused.join("\n"));
  return sections.join("\n\n");
}

function constructSections(page) {
  const [symbol] = page.symbols;
  const sections = [];
  const props = propsOf(page);
  if (props !== undefined) sections.push("## Inputs", inputTable(page, props));
  const members = membersOf(symbol);
  const outputs = members.filter((member) => !isMethod(member));
  if (outputs.length > 0) sections.push("## Outputs", outputTable(page, page.title, outputs));
  const verbs = [
    ...staticsOf(symbol).map((member) => verbRow(page, page.title, member, `${page.title}.`)),
    ...members.filter(isMethod).map((member) => verbRow(page, page.title, member)),
  ];
  if (verbs.length > 0) sections.push("## Verbs", table(["call", "does"], verbs));
  return sections;
}

function valueSections(page) {
  return page.symbols.flatMap((symbol) => {
    const members = membersOf(symbol);
    if (members.every((member) => !isMethod(member))) {
      return [`## ${code(symbol.name)}`, inputTable(page, symbol)];
    }
    return [
      `## ${code(symbol.name)}`,
      description(page.title, symbol),
      outputTable(
        page,
        symbol.name,
        members.filter((member) => !isMethod(member)),
      ),
      table(
        ["call", "does"],
        members.filter(isMethod).map((member) => verbRow(page, symbol.name, member)),
      ),
    ];
  });
}

function valueTable(page, symbol) {
  const about = described(symbol);
  const forms = ts.isTypeAliasDeclaration(symbol.declarations[0]) ? objectForms(symbol) : [];
  const asTable =
    forms.length > 0
      ? table(
          ["form", "meaning"],
          forms.map(({ form, meaning }) => [code(form), meaning]),
        )
      : page.reached.inputs.has(symbol)
        ? inputTable(page, symbol)
        : outputTable(page, symbol.name, membersOf(symbol));
  return about === "" ? [asTable] : [about, asTable];
}

const firstSentence = (text) =>
  collapsed(text)
    .replace(/^(.*?[.:])( .*)?$/, "$1")
    .replace(/[.:]$/, "");

const linkInIndex = (page, prefix = "") => `[${code(page.title)}](${prefix}${page.path})`;

export function index() {
  return Object.entries(FOLDERS)
    .flatMap(([folder, [title, guide]]) => {
      const here = pages.filter((page) => page.folder === folder);
      if (here.length === 0) return [];
      const rows = here.map((page) => [linkInIndex(page), firstSentence(described(page.symbols[0]))]);
      const more = guide === undefined ? [] : [`How they work together: [${guide}](../${guide}).`];
      return [`## ${title}`, table(["part", "what it is"], rows), ...more];
    })
    .join("\n\n");
}

export const partsOf = (folder) =>
  pages
    .filter((page) => page.folder === folder)
    .map((page) => linkInIndex(page, "constructs/"))
    .join(", ");
