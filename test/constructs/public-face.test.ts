import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";

const ROOT = resolve(__dirname, "../..");
const { exports: ENTRIES } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  exports: Record<string, string>;
};

/** The sources of what `exports` of package.json leads to. */
const FACES = Object.values(ENTRIES)
  .filter((file) => file.endsWith(".js"))
  .map((file) => join(ROOT, file.replace("./dist/", "").replace(/\.js$/, ".ts")));

/** The house's own sources alone: what other libraries declare is theirs, and is not looked into. */
function houseOf(folders: readonly string[]): ts.Program {
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => join(ROOT, folder, path)),
  );
  return ts.createProgram(files, { noResolve: true, noLib: true, module: ts.ModuleKind.CommonJS, types: [] });
}

describe("the library's public face", () => {
  const program = houseOf(["constructs", "proxy", "stacks/values"]);
  const checker = program.getTypeChecker();
  const aimOf = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const namesOf = (face: string) => {
    const source = program.getSourceFile(face);
    if (source === undefined) throw new Error(`no source of ${face}`);
    return checker.getExportsOfModule(checker.getSymbolAtLocation(source)!);
  };
  const isPrivate = (node: ts.Node) =>
    ts.isPrivateIdentifier((node as ts.NamedDeclaration).name ?? node) ||
    (ts.canHaveModifiers(node) &&
      ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true);

  /** The house's own types that somebody who holds what is declared gets to see. */
  function seenIn(node: ts.Node, seen: Set<ts.Symbol>): void {
    if (isPrivate(node) || ts.isBlock(node)) return;
    // A value's own text is nobody's business, unless its type is taken from there.
    if (ts.isVariableDeclaration(node) && node.type !== undefined) return seenIn(node.type, seen);
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol !== undefined && (symbol.flags & ts.SymbolFlags.TypeParameter) === 0) seen.add(aimOf(symbol));
    // Of `Options["port"]` a number is seen, and no options.
    if (ts.isIndexedAccessTypeNode(node)) return seenIn(node.indexType, seen);
    if (ts.isPropertyDeclaration(node) && node.type !== undefined) return seenIn(node.type, seen);
    ts.forEachChild(node, (child) => seenIn(child, seen));
  }

  it("names every type that what it gives asks for or returns", () => {
    // GIVEN what each entry point exports
    const given = new Set(FACES.flatMap((face) => namesOf(face).map(aimOf)));
    expect(given.size).toBeGreaterThan(100);
    // WHEN all that is seen in their declarations is looked up
    const missing = [...given].flatMap((symbol) => {
      const seen = new Set<ts.Symbol>();
      for (const declaration of symbol.declarations ?? []) seenIn(declaration, seen);
      return [...seen]
        .filter((type) => !given.has(type) && type.declarations?.some((of) => isOfTheHouse(of)))
        .map((type) => `${symbol.name} shows ${type.name}`);
    });
    // THEN each is to be had from one of them
    expect([...new Set(missing)].sort()).toEqual([]);
  });

  const isOfTheHouse = (node: ts.Node) => program.getRootFileNames().includes(node.getSourceFile().fileName);
});
