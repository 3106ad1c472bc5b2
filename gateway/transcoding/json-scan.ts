import { type JsonValue } from "@bufbuild/protobuf";

/** What `JSON.parse` does not tell of a text. */
export interface JsonScan {
  /** Members of all its objects, each as often as it is there. */
  readonly members: number;
  /** It has numbers whose last digits a double does not hold. */
  readonly longNumbers: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const ZERO = 0x30;
const NINE = 0x39;
/** Digits that a double holds always. */
const EXACT_DIGITS = 15;

/** @param text that `JSON.parse` takes */
export function scanJson(text: string): JsonScan {
  let members = 0;
  let digits = 0;
  let longNumbers = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character >= ZERO && character <= NINE) {
      if (++digits > EXACT_DIGITS) longNumbers = true;
      continue;
    }
    digits = 0;
    if (character === QUOTE) at = endOfString(text, at);
    else if (character === COLON) members++;
  }
  return { members, longNumbers };
}

/** Where the string that begins here has its closing quote. */
function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text.charCodeAt(before - 1) === BACKSLASH) before--;
  return (at - before) % 2 === 1;
}

/** Members of all objects of a value: fewer than those of its text where a name is there twice. */
export function membersOf(value: JsonValue): number {
  let members = 0;
  // However deep it is nested.
  const left: object[] = isObject(value) ? [value] : [];
  for (let each = left.pop(); each !== undefined; each = left.pop()) {
    const values: JsonValue[] = Array.isArray(each) ? each : Object.values(each);
    if (values !== each) members += values.length;
    for (const inner of values) if (isObject(inner)) left.push(inner);
  }
  return members;
}

const isObject = (value: JsonValue): value is JsonValue & object =>
  typeof value === "object" && value !== null;
