import { type DescField, type DescMessage, type JsonValue } from "@bufbuild/protobuf";
import { BadValue } from "../../proxy/grammar";
import { type RequestOptions } from "../options/grpc-options";
import { BadRequest } from "./bad-request";
import { type FieldPath, fieldOf, fieldPathOf, messagesWithin } from "./field-path";
import { isBoolean, isSingle, isText, jsonOf, notFree } from "./field-text";
import { FilledMessage, type Filling, toldBy } from "./filled-message";
import { type FormNode, readForm } from "./form-body";
import { isObject } from "./typed-json";
import { isKnown } from "./wire/json-to-wire";

/** Messages within messages, as the library has it. */
const DEEPEST = 100;
const INDEX = /^\d{1,15}$/;
/** What forms say for true and false: of checkboxes, and of frameworks. */
const BOOLEANS: Readonly<Record<string, string>> = { "1": "true", on: "true", "0": "false", off: "false" };

type Json = Readonly<Record<string, JsonValue>>;
/** Whether the query may fill a field. */
type Free = (path: FieldPath) => boolean;

/** Makes of requests, as a monolith took them, the JSON of the messages that they stand for. */
export class RequestForm {
  private readonly renames = new Map<DescMessage, ReadonlyMap<string, FieldPath>>();
  private readonly ignored: ReadonlySet<string>;

  /**
   * @param inputs of the methods that may be called
   * @param ignoreUnknown what names no field is passed over
   * @throws BadValue where a message or field is not there; its path is within a route's `grpc`
   */
  constructor(
    private readonly options: RequestOptions,
    inputs: readonly DescMessage[],
    private readonly ignoreUnknown: boolean,
  ) {
    this.ignored = new Set(options.ignore);
    const types = messagesWithin(inputs);
    for (const [typeName, fields] of Object.entries(options.fields)) {
      const path = ["request", "fields"];
      const type = [...types].find((each) => each.typeName === typeName);
      if (type === undefined)
        throw new BadValue(path, typeName, "a message that the route's methods are asked with");
      const renames = new Map<string, FieldPath>();
      for (const [name, target] of Object.entries(fields)) {
        const found = fieldPathOf(type, target.split("."));
        if (found === undefined || found.slice(0, -1).some(({ message }) => message && isKnown(message)))
          throw new BadValue([...path, typeName, name], target, `a field of ${typeName}`);
        renames.set(name, found);
      }
      this.renames.set(type, renames);
    }
  }

  /** Bodies may be forms. */
  get takesForms(): boolean {
    return this.options.form;
  }

  /** Bodies in JSON are as they would be without it. */
  get leavesJson(): boolean {
    const { envelope } = this.options;
    return this.renames.size === 0 && envelope.length === 0 && this.ignored.size === 0;
  }

  /**
   * A body in JSON as that of the message.
   *
   * @param shape the message, or the field that the body is
   * @throws BadRequest
   */
  json(value: JsonValue, shape: DescMessage | DescField): JsonValue {
    const body = this.unwrapped(value);
    if (shape.kind !== "message") return toldBy(this.fieldJson(shape, body, 1));
    return isObject(body) && !isKnown(shape) ? this.messageJson(shape, body, 1).json() : body;
  }

  /** A body that is a form, as JSON of the message. @throws BadRequest */
  form(text: string, type: DescMessage): JsonValue {
    let form = readForm(text);
    this.drop(form);
    for (const name of this.options.envelope) {
      const inner = form.members.get(name);
      if (inner === undefined) throw new BadRequest(`the form has no ${name}`);
      if (form.members.size > 1 && !this.ignoreUnknown)
        throw unknown([...form.members.keys()].find((each) => each !== name)!);
      if (inner.texts.length + inner.items.length > 0) throw twoWays(inner);
      form = inner;
    }
    const filled = new FilledMessage();
    this.fill(type, form, [], () => true, filled, unknown);
    return filled.json();
  }

  /** What a query says of a message. @throws BadRequest */
  query(type: DescMessage, query: string, free: Free, into: FilledMessage): void {
    const form = readForm(query);
    this.drop(form);
    this.fill(type, form, [], free, into, notFree);
  }

  private drop({ members }: FormNode): void {
    for (const name of this.ignored) members.delete(name);
  }

  private unwrapped(value: JsonValue): JsonValue {
    let body = value;
    if (this.ignored.size > 0 && isObject(body))
      body = Object.fromEntries(Object.entries(body).filter(([name]) => !this.ignored.has(name)));
    for (const name of this.options.envelope) {
      if (!isObject(body) || !Object.hasOwn(body, name))
        throw new BadRequest(`the body has no member ${name}`);
      const others = Object.keys(body).filter((each) => each !== name);
      if (others.length > 0 && !this.ignoreUnknown) throw unknown(others[0]!);
      body = body[name]!;
    }
    return body;
  }

  private pathOf(type: DescMessage, name: string): FieldPath | undefined {
    const renamed = this.renames.get(type)?.get(name);
    if (renamed !== undefined) return renamed;
    const field = fieldOf(type, name);
    return field && [field];
  }

  private messageJson(type: DescMessage, value: Json, depth: number): FilledMessage {
    if (depth > DEEPEST) throw new BadRequest(`messages are nested more than ${DEEPEST} deep`);
    const filled = new FilledMessage();
    for (const [name, member] of Object.entries(value)) {
      const path = this.pathOf(type, name);
      if (path === undefined) filled.stranger(name, member);
      else filled.put(path, this.fieldJson(path.at(-1)!, member, depth), name);
    }
    return filled;
  }

  private fieldJson(field: DescField, value: JsonValue, depth: number): Filling {
    const { message } = field;
    if (message === undefined || isKnown(message)) return value;
    const single = (each: JsonValue): Filling =>
      isObject(each) ? this.messageJson(message, each, depth + 1) : each;
    if (field.fieldKind === "message") return single(value);
    if (field.fieldKind === "list")
      return Array.isArray(value) ? value.map((each) => toldBy(single(each))) : value;
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toldBy(single(each))]));
  }

  /** @param before fields that lead to the message */
  private fill(
    type: DescMessage,
    { members }: FormNode,
    before: FieldPath,
    free: Free,
    into: FilledMessage,
    refused: (name: string) => BadRequest,
  ): void {
    for (const [name, node] of members) {
      const path = this.pathOf(type, name);
      if (path === undefined || !free([...before, ...path])) {
        if (!this.ignoreUnknown) throw refused(node.name);
        continue;
      }
      const field = path.at(-1)!;
      const { message } = field;
      if (field.fieldKind === "message" && message !== undefined && !isKnown(message)) {
        if (node.texts.length + node.items.length > 0) throw twoWays(node);
        const inner = new FilledMessage();
        this.fill(message, node, [...before, ...path], free, inner, refused);
        if (!inner.empty) into.put(path, inner, parameter(node));
      } else {
        const value = this.formValue(field, node, refused);
        if (value !== undefined) into.put(path, value, parameter(node));
      }
    }
  }

  /** @returns undefined where nothing is said of the field */
  private formValue(
    field: DescField,
    node: FormNode,
    refused: (name: string) => BadRequest,
  ): JsonValue | undefined {
    const { texts, items, members, name } = node;
    if ([texts.length, items.length, members.size].filter((each) => each > 0).length > 1) throw twoWays(node);
    const told = (each: FormNode): JsonValue | undefined => {
      const { message } = field;
      if (message === undefined || isSingle(field)) return singleText(field, each);
      if (each.texts.length + each.items.length > 0 || isKnown(message)) throw twoWays(each);
      const inner = new FilledMessage();
      this.fill(message, each, [], () => true, inner, refused);
      return inner.json();
    };
    if (field.fieldKind === "list") {
      if (members.size === 0) return some([...texts, ...items].map((text) => valueOf(field, text, name)));
      return some(ordered(node).map(told));
    }
    if (field.fieldKind !== "map") return singleText(field, node);
    if (members.size === 0) throw twoWays(node);
    const entries = [...members].map(([key, each]): [string, JsonValue | undefined] => [key, told(each)]);
    return Object.fromEntries(entries.filter(isSaid));
  }
}

/** What a name has that is there once, and says one thing. */
function singleText(field: DescField, node: FormNode): JsonValue | undefined {
  const { texts, items, members, name } = node;
  if (items.length > 0 || members.size > 0) throw twoWays(node);
  if (texts.length > 1) throw new BadRequest(`${parameter(node)}: is there twice`);
  return valueOf(field, texts[0]!, name);
}

/** Browsers send inputs that nobody filled: nothing is said then, but of a text. */
function valueOf(field: DescField, text: string, name: string): JsonValue | undefined {
  if (text === "" && !isText(field)) return undefined;
  return jsonOf(field, isBoolean(field) ? (BOOLEANS[text] ?? text) : text, name);
}

const some = (values: readonly (JsonValue | undefined)[]): JsonValue | undefined => {
  const said = values.filter((each) => each !== undefined);
  return said.length === 0 ? undefined : said;
};

const isSaid = (entry: [string, JsonValue | undefined]): entry is [string, JsonValue] =>
  entry[1] !== undefined;

/** Elements of a list, `name[0]` and so on, in the order of their numbers, which may have gaps. */
function ordered({ members, name }: FormNode): FormNode[] {
  const indexes = [...members.keys()];
  if (!indexes.every((each) => INDEX.test(each)) || new Set(indexes.map(Number)).size < indexes.length)
    throw new BadRequest(`parameter ${name}: names a list, whose elements have a number each`);
  return indexes.sort((one, other) => Number(one) - Number(other)).map((each) => members.get(each)!);
}

const parameter = ({ name }: FormNode): string => `parameter ${name}`;

const unknown = (name: string): BadRequest => new BadRequest(`${name}: no field has this name`);

const twoWays = (node: FormNode): BadRequest =>
  new BadRequest(`${parameter(node)}: is not in the form that its field has`);
