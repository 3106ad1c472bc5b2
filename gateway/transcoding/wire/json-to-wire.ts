import {
  type DescField,
  type DescMessage,
  fromJsonString,
  type JsonReadOptions,
  type JsonValue,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { scanJson } from "../json-scan";
import { checkNumberTexts } from "../number-texts";
import { holdsNumbers } from "../typed-json";
import { JsonBytes } from "./json-bytes";
import { byLibrary, unlessUnusual, UNUSUAL } from "./unusual";
import { enumForm, type Form, scalarForms, tagOf, WIRE } from "./wire-forms";
import { WireWriter } from "./wire-writer";

/** Levels of messages that are looked at here; the library says how many there may be. */
const DEEPEST = 50;
/** Fields of a message that are looked at here: what has come is kept as two numbers of so many bits together. */
const MOST_FIELDS = 60;
const HALF = 30;

/** Reads the value that comes, and writes it. */
type Take = (depth: number) => void;

interface Entry {
  readonly field: DescField;
  /** The name that JSON has it by, with its quotes. */
  readonly quoted: Buffer;
  /** Its place among those of its message. */
  readonly place: number;
  readonly take: Take;
  /** Who came behind it the last time. */
  follower: Entry | undefined;
}

interface Shape {
  readonly byName: ReadonlyMap<string, Entry>;
  /** Who came first the last time. */
  first: Entry | undefined;
}

/** How a type's values are read and written. */
interface Way {
  readonly wire: number;
  /** @param tag written before it; @param always also what a field has that is not there */
  readonly take: (tag: number, always: boolean) => void;
}

/**
 * Writes messages straight from the bytes of their JSON, without an object in between: what comes usually. All else, and
 * whatever is wrong, is the library's to do.
 */
export class JsonToWire {
  private readonly json = new JsonBytes();
  private readonly out = new WireWriter();
  private readonly shapes = new Map<DescMessage, Shape | undefined>();
  private readonly forms = scalarForms(this.out);

  /** @param before bytes that are left free before each message */
  constructor(
    private readonly reading: Partial<JsonReadOptions>,
    private readonly before = 0,
  ) {}

  /**
   * @param field of the message, which alone the JSON tells; undefined where that tells all of it
   * @returns undefined where it is for the library
   */
  message(type: DescMessage, json: Buffer, field?: DescField): Buffer | undefined {
    if (isKnown(type)) return undefined;
    const written = unlessUnusual(() => {
      this.json.begin(json);
      this.out.begin(this.before);
      if (field === undefined) this.take(type, 1);
      else this.fieldOf(type, field).take(1);
      this.json.finish();
      return this.out.end();
    });
    this.json.end();
    return written;
  }

  private take(type: DescMessage, depth: number): void {
    const shape = this.shapeOf(type);
    if (shape === undefined || depth > DEEPEST) throw UNUSUAL;
    const { json } = this;
    if (!json.openObject()) return;
    let oneofs: Set<unknown> | undefined;
    let [lower, upper] = [0, 0];
    let before: Entry | undefined;
    do {
      const entry = this.named(shape, before);
      // A field that is there twice, by whichever of its names, is refused, as are two members of a oneof.
      const { place, field } = entry;
      const bit = 1 << (place % HALF);
      if (((place < HALF ? lower : upper) & bit) !== 0) throw UNUSUAL;
      if (place < HALF) lower |= bit;
      else upper |= bit;
      if (field.oneof !== undefined) {
        if (oneofs?.has(field.oneof) === true) throw UNUSUAL;
        (oneofs ??= new Set()).add(field.oneof);
      }
      json.colon();
      entry.take(depth);
      before = entry;
    } while (json.moreOfObject());
  }

  /** Whose name comes: most messages have their fields in the same order. */
  private named(shape: Shape, before: Entry | undefined): Entry {
    const { json } = this;
    const guess = before === undefined ? shape.first : before.follower;
    if (guess !== undefined && json.passes(guess.quoted)) return guess;
    const entry = shape.byName.get(json.wholeText());
    if (entry === undefined) throw UNUSUAL;
    if (before === undefined) shape.first = entry;
    else before.follower = entry;
    return entry;
  }

  private fieldOf(type: DescMessage, field: DescField): Entry {
    const entry = this.shapeOf(type)?.byName.get(field.jsonName);
    if (entry === undefined) throw UNUSUAL;
    return entry;
  }

  /** Undefined where the library has to look whether all fields are there that have to be, or where there are too many. */
  private shapeOf(type: DescMessage): Shape | undefined {
    if (this.shapes.has(type)) return this.shapes.get(type);
    const byName = new Map<string, Entry>();
    const isOurs =
      type.fields.length <= MOST_FIELDS &&
      type.fields.every(({ presence }) => presence !== Presence.LEGACY_REQUIRED);
    this.shapes.set(type, isOurs ? { byName, first: undefined } : undefined);
    type.fields.forEach((field, place) => {
      const quoted = Buffer.from(JSON.stringify(field.jsonName));
      const entry = { field, quoted, place, take: this.takeOf(field), follower: undefined };
      byName.set(field.name, entry).set(field.jsonName, entry);
    });
    return this.shapes.get(type);
  }

  private takeOf(field: DescField): Take {
    if (field.fieldKind === "map") return this.mapTake(field);
    if (field.fieldKind === "list") return this.listTake(field);
    if (field.message !== undefined) return this.messageTake(field, field.message);
    const way = this.wayOf(field);
    if (way === undefined) return unusual;
    const tag = tagOf(field, way.wire);
    const always = field.presence !== Presence.IMPLICIT;
    return () => way.take(tag, always);
  }

  private messageTake(field: DescField & { readonly delimitedEncoding: boolean }, type: DescMessage): Take {
    if (field.delimitedEncoding) return unusual;
    const tag = tagOf(field, WIRE.length);
    return (depth) => {
      this.out.uint32(tag);
      this.takeInner(type, depth);
    };
  }

  private takeInner(type: DescMessage, depth: number): void {
    if (isKnown(type)) {
      const text = this.json.value();
      if (text.trim() === "null") throw UNUSUAL;
      const message = byLibrary(() => {
        if (holdsNumbers(type)) checkNumberTexts(JSON.parse(text) as JsonValue, type, this.reading.registry);
        return toBinary(type, fromJsonString(type, text, this.reading));
      });
      if (scanJson(text).longNumbers) throw UNUSUAL;
      this.out.raw(message);
      return;
    }
    const from = this.out.open();
    this.take(type, depth + 1);
    this.out.close(from);
  }

  private listTake(field: DescField & { readonly fieldKind: "list" }): Take {
    const { json, out } = this;
    if (field.listKind === "message") {
      const take = this.messageTake(field, field.message);
      return (depth) => {
        if (!json.openList()) return;
        do take(depth);
        while (json.moreOfList());
      };
    }
    const way = this.wayOf(field);
    if (way === undefined) return unusual;
    const tag = tagOf(field, field.packed ? WIRE.length : way.wire);
    if (!field.packed)
      return () => {
        if (!json.openList()) return;
        do way.take(tag, true);
        while (json.moreOfList());
      };
    return () => {
      if (!json.openList()) return;
      out.uint32(tag);
      const from = out.open();
      do way.take(NO_TAG, true);
      while (json.moreOfList());
      out.close(from);
    };
  }

  private mapTake(field: DescField & { readonly fieldKind: "map" }): Take {
    const { message } = field;
    const { json, out } = this;
    const way = message === undefined ? this.wayOf(field) : undefined;
    if (field.mapKey !== ScalarType.STRING || (message === undefined && way === undefined)) return unusual;
    const tag = tagOf(field, WIRE.length);
    const keyTag = (1 << 3) | WIRE.length;
    const valueTag = (2 << 3) | (way?.wire ?? WIRE.length);
    const key = this.forms[ScalarType.STRING];
    return (depth) => {
      if (!json.openObject()) return;
      const keys = new Set<string>();
      do {
        const name = key.read(json.wholeText());
        if (keys.has(name)) throw UNUSUAL;
        keys.add(name);
        json.colon();
        out.uint32(tag);
        const from = out.open();
        out.uint32(keyTag);
        key.write(name);
        if (way !== undefined) way.take(valueTag, true);
        else {
          out.uint32(valueTag);
          this.takeInner(message!, depth);
        }
        out.close(from);
      } while (json.moreOfObject());
    };
  }

  private wayOf({ scalar, enum: choices }: DescField): Way | undefined {
    const { json } = this;
    if (choices !== undefined) {
      const form = enumForm(choices, this.forms);
      return form && this.way(form, () => form.read(json.isText ? json.wholeText() : json.number(false)));
    }
    const { forms } = this;
    switch (scalar) {
      case undefined:
        return undefined;
      case ScalarType.STRING:
        return { wire: WIRE.length, take: (tag, always) => this.takeText(tag, always) };
      case ScalarType.BYTES:
        return this.way(forms[scalar], () => forms[scalar].read(json.wholeText()));
      case ScalarType.BOOL:
        return this.way(forms[scalar], () => json.boolean());
      case ScalarType.FLOAT:
      case ScalarType.DOUBLE:
        return this.way(forms[scalar], () => forms[scalar].read(json.number(true)));
      case ScalarType.INT64:
      case ScalarType.UINT64:
      case ScalarType.SINT64:
      case ScalarType.FIXED64:
      case ScalarType.SFIXED64: {
        const form = forms[scalar];
        return this.way<number | bigint>(form, () =>
          form.read(json.isText ? json.wholeText() : json.number(false)),
        );
      }
      default: {
        const form = forms[scalar];
        return this.way(form, () => form.read(json.number(false)));
      }
    }
  }

  private way<T>({ wire, write, isZero }: Form<T>, read: () => T): Way {
    return {
      wire,
      take: (tag, always) => {
        const value = read();
        if (!always && isZero(value)) return;
        if (tag !== NO_TAG) this.out.uint32(tag);
        write(value);
      },
    };
  }

  /** A text goes from bytes to bytes. */
  private takeText(tag: number, always: boolean): void {
    const { json, out } = this;
    const some = json.openText();
    if (!some && !always) return;
    out.uint32(tag);
    if (!some) out.uint32(0);
    else if (!out.shortText(json)) out.text(this.forms[ScalarType.STRING].read(json.text()));
  }
}

/** What follows has none: it is one of several values that are packed. */
const NO_TAG = 0;

const unusual: Take = () => {
  throw UNUSUAL;
};

/** It may have a form of its own in JSON. */
export const isKnown = ({ typeName }: DescMessage): boolean => typeName.startsWith("google.protobuf.");
