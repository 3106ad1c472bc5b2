// Which pages there must be, and which of them tells of a value that several speak of.
import { basename } from "node:path";
import ts from "typescript";
import { checker, exported } from "./library.mjs";
import {
  declarationOf,
  folderOf,
  isData,
  isForConstructs,
  isMethod,
  membersOf,
  namesIn,
  sourceOf,
  staticsOf,
} from "./source.mjs";

/** Folders of constructs in the order of the index; a value that several pages speak of is told in the first. */
export const FOLDERS = {
  dedicated: ["Dedicated servers", "dedicated.md"],
  host: ["Any host", undefined],
  dns: ["unbound and Consul", "dns.md"],
  proxy: ["The aggregation proxy", "proxy.md"],
  service: ["Services", "services.md"],
  gateway: ["The API gateway", "gateway.md"],
  front: ["Entrances of dedicated servers", "services.md"],
  aws: ["EC2", "aws.md"],
  google: ["GKE", "gke.md"],
  kubernetes: ["On a Kubernetes cluster", "kubernetes.md"],
  region: ["Between regions", undefined],
  availability: ["Availability", "availability.md"],
};

/** Values with a page of their own: what is no construct and yet all of them speak of. */
const VALUE_PAGES = [
  { file: "constructs/host/host-profile.ts", title: "HostProfile", names: ["HostProfile", "IHost"] },
];

/** Told elsewhere than in a table on these pages. */
export const TOLD_ELSEWHERE = { availability: "availability.md", topology: undefined };

/** `constructs/aws/data-key.ts` -> `aws/data-key.md` */
const pathOf = (source) => `${folderOf(source)}/${basename(source, ".ts")}.md`;

const isConstruct = (type) =>
  (type.symbol?.name === "Construct" && type.isClass()) || (type.getBaseTypes() ?? []).some(isConstruct);

export const pages = [...exported]
  .flatMap(([symbol, from]) => {
    const declaration = symbol.declarations?.find(ts.isClassDeclaration);
    if (declaration === undefined || !isConstruct(checker.getDeclaredTypeOfSymbol(symbol))) return [];
    // What several constructs have in common, and nobody makes, is told on their pages.
    if ((ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Abstract) !== 0) return [];
    return [{ symbols: [symbol], declaration, from, title: symbol.name, source: sourceOf(declaration) }];
  })
  .concat(
    VALUE_PAGES.map(({ file, title, names }) => {
      const symbols = names.map((name) => [...exported.keys()].find((symbol) => symbol.name === name));
      return { symbols, declaration: undefined, from: exported.get(symbols[0]), title, source: file };
    }),
  )
  .map((page) => ({ ...page, path: pathOf(page.source), folder: folderOf(page.source) }))
  .sort((a, b) => order(a) - order(b) || (a.title < b.title ? -1 : 1));

function order({ folder, source }) {
  const place = Object.keys(FOLDERS).indexOf(folder);
  if (place < 0) throw new Error(`${source}: expected a folder among ${Object.keys(FOLDERS).join(", ")}`);
  return place;
}

export function constructorOf({ declaration }) {
  return declaration?.members.find(ts.isConstructorDeclaration);
}

/** The symbol that a construct's props are described by. */
export function propsOf(page) {
  const constructor = constructorOf(page);
  const isPrivate =
    constructor !== undefined && (ts.getCombinedModifierFlags(constructor) & ts.ModifierFlags.Private) !== 0;
  const node = isPrivate ? undefined : constructor?.parameters[2]?.type;
  return node === undefined ? undefined : namesIn(node)[0];
}

/** Data that has no other place to be told of. */
const needsTable = (symbol) =>
  isData(symbol) && !(folderOf(sourceOf(symbol.declarations[0])) in TOLD_ELSEWHERE);

/** All symbols that a page's members name, as inputs or as outputs, in the order of reading. */
function reached(page) {
  const inputs = new Set();
  const outputs = new Set();
  const follow = (node, into) => {
    for (const symbol of namesIn(node)) {
      if (into.has(symbol)) continue;
      into.add(symbol);
      if (needsTable(symbol)) followData(symbol, into);
      else {
        // A union of named types is told by these.
        const { type } = symbol.declarations[0];
        if (type !== undefined && (ts.isUnionTypeNode(type) || ts.isTypeReferenceNode(type)))
          follow(type, into);
      }
    }
  };
  const followData = (symbol, into) => {
    for (const member of membersOf(symbol)) follow(declarationOf(member).type, into);
  };
  const followMember = (member, into) => {
    const declaration = declarationOf(member);
    if (!isMethod(member)) return follow(declaration.type, into);
    for (const parameter of declaration.parameters) follow(parameter.type, inputs);
    follow(declaration.type, outputs);
  };
  const props = propsOf(page);
  if (props !== undefined) for (const member of membersOf(props)) followMember(member, inputs);
  for (const symbol of page.symbols) {
    if (page.declaration !== undefined) for (const member of staticsOf(symbol)) followMember(member, inputs);
    for (const member of membersOf(symbol)) followMember(member, page.declaration ? outputs : inputs);
  }
  const own = new Set([...page.symbols, ...(props === undefined ? [] : [props])]);
  const all = [...new Set([...inputs, ...outputs])].filter((symbol) => !own.has(symbol));
  return { all, inputs, own };
}

for (const page of pages) page.reached = reached(page);

/** The page that tells of a symbol, and whether in a table of its own there. */
export const homes = new Map();

/** Gives each symbol that has no home yet the first page that suits it. */
function settle(symbolsOf, suits, table) {
  for (const page of pages) {
    for (const symbol of symbolsOf(page)) {
      if (!homes.has(symbol) && suits(symbol, page)) homes.set(symbol, { page, table });
    }
  }
}

const isOfSameSource = (symbol, page) => symbol.declarations.some((one) => sourceOf(one) === page.source);

settle(
  ({ reached: { own } }) => own,
  () => true,
  false,
);
settle(
  ({ reached: { all } }) => all,
  (symbol, page) => needsTable(symbol) && isOfSameSource(symbol, page),
  true,
);
settle(({ reached: { all } }) => all, needsTable, true);
// What a construct is to others, where its interface has a file of its own.
settle(namesOfHeritage, isForConstructs, false);

export function namesOfHeritage({ declaration }) {
  return (declaration?.heritageClauses ?? []).flatMap((clause) => namesIn(clause));
}
