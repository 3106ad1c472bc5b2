// What the source says: JSDoc, members and types, as they are written there.
import { relative } from "node:path";
import ts from "typescript";
import { checker } from "./library.mjs";
import { problems, root } from "./run.mjs";

export const sourceOf = (declaration) => relative(root, declaration.getSourceFile().fileName);
const isOurs = (declaration) => sourceOf(declaration).startsWith("constructs/");

/** `constructs/aws/data-key.ts` -> `aws` */
export const folderOf = (source) => source.split("/")[1];

export const collapsed = (text) => text.replace(/\s+/g, " ").trim();

/** Links of JSDoc as code, and files of docs/ as links. */
export const prose = (parts) =>
  ts
    .displayPartsToString(parts)
    .replace(/\{@link\s+([^}]+?)\s*\}/g, "`$1`")
    .replace(/\bdocs\/(\w+)\.md\b/g, (_, name) => `[${name}](../../${name}.md)`);

export const described = (symbol) => prose(symbol.getDocumentationComment(checker));

export function tag(symbol, name) {
  return symbol
    .getJsDocTags(checker)
    .filter((each) => each.name === name)
    .map(({ text }) => prose(text ?? []));
}

export const isOptional = (symbol) => (symbol.flags & ts.SymbolFlags.Optional) !== 0;
export const declarationOf = (symbol) => symbol.valueDeclaration ?? symbol.declarations?.[0];

/** What must be told and is not. */
export function demand(symbol, owner, what) {
  const declaration = declarationOf(symbol);
  const { line } = declaration.getSourceFile().getLineAndCharacterOfPosition(declaration.getStart());
  problems.push(`${sourceOf(declaration)}:${line + 1}: ${owner}.${symbol.name} has no ${what}`);
}

const shownType = (type) => checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation);
const typeOf = (symbol) => checker.getTypeOfSymbolAtLocation(symbol, declarationOf(symbol));

export function typeText(symbol) {
  const { type: node } = declarationOf(symbol);
  return node === undefined ? shownType(checker.getNonNullableType(typeOf(symbol))) : nodeText(node);
}

export function nodeText(node) {
  if (ts.isTypeOperatorNode(node)) return nodeText(node.type);
  if (ts.isArrayTypeNode(node)) {
    const text = nodeText(node.elementType);
    return ts.isTypeReferenceNode(node.elementType) && text.includes(" | ") ? `(${text})[]` : `${text}[]`;
  }
  const text = unnamedUnion(node) ?? collapsed(node.getText());
  return text.replace(/\breadonly /g, "").replace(/Readonly<(Record<.*>)>/, "$1");
}

/** A name that stands for a few words, or for forms that have no names, is shown as these. */
function unnamedUnion(node) {
  if (!ts.isTypeReferenceNode(node) || node.typeArguments !== undefined) return undefined;
  const type = checker.getTypeFromTypeNode(node);
  if (!type.isUnion() || namesIn(node).some(isData)) return undefined;
  const isUnnamed = (one) =>
    one.isStringLiteral() ||
    (one.aliasSymbol === undefined && one.symbol?.flags & ts.SymbolFlags.TypeLiteral);
  if (!type.types.every(isUnnamed)) return undefined;
  return type.types
    .map(shownType)
    .join(" | ")
    .replace(/; \}/g, " }")
    .replace(/(\w+\?: [^;|]*?) \| undefined/g, "$1");
}

/** Names of the project's own types in a piece of source, generics' arguments included. */
export function namesIn(node, found = []) {
  if (node === undefined) return found;
  if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
    const symbol = checker.getSymbolAtLocation(node.typeName ?? node.expression);
    if (symbol !== undefined)
      found.push(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
  }
  ts.forEachChild(node, (child) => void namesIn(child, found));
  return found.filter((symbol) => symbol.declarations?.every(isOurs));
}

/** Of a class, an interface or an alias: what others may read and call. */
export function membersOf(symbol) {
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  return checker.getPropertiesOfType(type).filter((member) => {
    const declaration = declarationOf(member);
    if (declaration === undefined || !isOurs(declaration)) return false;
    const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
    return (ts.getCombinedModifierFlags(declaration) & hidden) === 0;
  });
}

export const isMethod = (member) => (member.flags & ts.SymbolFlags.Method) !== 0;

export function staticsOf(symbol) {
  return checker
    .getPropertiesOfType(checker.getTypeOfSymbolAtLocation(symbol, symbol.valueDeclaration))
    .filter((member) => isMethod(member) && isOurs(declarationOf(member)));
}

/** An interface or object type that is data, so that someone who passes it must know its fields. */
export function isData(symbol) {
  const [declaration] = symbol.declarations;
  if (ts.isTypeAliasDeclaration(declaration)) {
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    if (otherName(declaration) !== undefined) return false;
    if (type.isUnion()) return objectForms(symbol).length > 0;
    return (
      (type.flags & ts.TypeFlags.Object) !== 0 && !checker.isArrayType(type) && membersOf(symbol).length > 0
    );
  }
  if (!ts.isInterfaceDeclaration(declaration)) return false;
  return membersOf(symbol).every((member) => !isMethod(member)) && !isForConstructs(symbol);
}

/** What `Partial<HostProfile>` is a form of. */
export const otherName = ({ type }) =>
  type !== undefined && ts.isTypeReferenceNode(type) && type.typeName.getText() === "Partial"
    ? namesIn(type)[0]
    : undefined;

export const isForConstructs = (symbol) =>
  checker.getPropertyOfType(checker.getDeclaredTypeOfSymbol(symbol), "node") !== undefined;

/** The forms that a union of object types takes, each with the comment in front of it. */
export function objectForms(symbol) {
  const { type: node } = symbol.declarations[0];
  if (node === undefined || !ts.isUnionTypeNode(node)) return [];
  return node.types.filter(ts.isTypeLiteralNode).map((one) => {
    const text = one.getSourceFile().text;
    // A comment stands behind the bar that parts it from the form before.
    const before = text.slice(node.types[node.types.indexOf(one) - 1]?.end ?? node.pos, one.getStart());
    const comment = /\/\*\*([\s\S]*?)\*\//.exec(before)?.[1] ?? "";
    return { form: nodeText(one).replace(/; \}/, " }"), meaning: collapsed(comment.replace(/^\s*\*/gm, "")) };
  });
}
