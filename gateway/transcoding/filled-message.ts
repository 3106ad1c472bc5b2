import { type JsonValue } from "@bufbuild/protobuf";
import { BadRequest } from "./bad-request";
import { type FieldPath } from "./field-path";

/** What a field has: JSON, or a message that others may fill on. */
export type Filling = JsonValue | FilledMessage;

/** JSON of a message, filled field by field, from several sides: none is filled twice. */
export class FilledMessage {
  private readonly values = new Map<string, Filling>();

  get empty(): boolean {
    return this.values.size === 0;
  }

  /** @param what who says it, for messages @throws BadRequest */
  put(path: FieldPath, value: Filling, what: string): void {
    this.within(path, what).set(path.at(-1)!.jsonName, value, what);
  }

  /** One more element of a list. @throws BadRequest */
  add(path: FieldPath, element: JsonValue, what: string): void {
    const message = this.within(path, what);
    const name = path.at(-1)!.jsonName;
    const list = message.values.get(name);
    if (Array.isArray(list)) list.push(element);
    else message.set(name, [element], what);
  }

  /** What is no field, for who decodes it to say. */
  stranger(name: string, value: JsonValue): void {
    this.set(name, value, name);
  }

  json(): JsonValue {
    // Entries: a name may be `__proto__`.
    return Object.fromEntries([...this.values].map(([name, value]) => [name, toldBy(value)]));
  }

  private set(name: string, value: Filling, what: string): void {
    const there = this.values.get(name);
    if (there === undefined) this.values.set(name, value);
    else if (there instanceof FilledMessage && value instanceof FilledMessage)
      for (const [inner, each] of value.values) there.set(inner, each, what);
    else throw twice(what);
  }

  /** The message that holds the path's last field. */
  private within(path: FieldPath, what: string): FilledMessage {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    let message: FilledMessage = this;
    for (const { jsonName } of path.slice(0, -1)) {
      let inner = message.values.get(jsonName);
      if (inner === undefined) message.values.set(jsonName, (inner = new FilledMessage()));
      if (!(inner instanceof FilledMessage)) throw twice(what);
      message = inner;
    }
    return message;
  }
}

/** Its JSON. */
export const toldBy = (value: Filling): JsonValue => (value instanceof FilledMessage ? value.json() : value);

const twice = (what: string): BadRequest => new BadRequest(`${what}: is there twice`);
