import { BadRequest } from "./bad-request";

/** As many as PHP takes (max_input_vars). */
const MOST_FIELDS = 1_000;
/** Names within one name, as Rack has it (param_depth_limit). */
const DEEPEST = 32;
const NAME = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;
const BAD_PERCENT = /%(?![0-9a-fA-F]{2})/;

/** What a name of a form has: texts of its own, of `name[]`, or what names within it have. */
export interface FormNode {
  /** The name as it is written, for messages. */
  readonly name: string;
  readonly texts: string[];
  readonly items: string[];
  readonly members: Map<string, FormNode>;
}

const node = (name: string): FormNode => ({ name, texts: [], items: [], members: new Map() });

/**
 * Reads `application/x-www-form-urlencoded`, in which `a[b]=1` and `a.b=1` are of a member, and `a[]=1` is one more of a
 * list.
 *
 * @throws BadRequest
 */
export function readForm(text: string): FormNode {
  const root = node("");
  let fields = 0;
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    if (++fields > MOST_FIELDS) throw new BadRequest(`the form has more than ${MOST_FIELDS} fields`);
    const equals = pair.indexOf("=");
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals));
    put(root, name, equals < 0 ? "" : decoded(pair.slice(equals + 1)));
  }
  return root;
}

function put(root: FormNode, name: string, text: string): void {
  const [, first, brackets] = NAME.exec(name) ?? [];
  if (first === undefined || brackets === undefined) throw wrong(name, "is no name of a form");
  const steps = first.split(".");
  const within = brackets === "" ? [] : brackets.slice(1, -1).split("][");
  const isItem = within.at(-1) === "";
  steps.push(...(isItem ? within.slice(0, -1) : within));
  if (steps.length > DEEPEST) throw wrong(name.slice(0, 80), `has more than ${DEEPEST} names in it`);
  let at = root;
  for (const step of steps) {
    if (step === "") throw wrong(name, "is no name of a form");
    let inner = at.members.get(step);
    if (inner === undefined) at.members.set(step, (inner = node(name)));
    at = inner;
  }
  (isItem ? at.items : at.texts).push(text);
}

function decoded(text: string): string {
  if (BAD_PERCENT.test(text)) throw new BadRequest("the form has a % that no two hexadecimal digits follow");
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new BadRequest("the form is not in UTF-8");
  }
}

const wrong = (name: string, problem: string): BadRequest =>
  new BadRequest(`${JSON.stringify(name)} ${problem}`);
