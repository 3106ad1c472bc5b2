import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  fromJsonString,
  type JsonValue,
  mergeFromBinary,
  mergeFromJson,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { type Api } from "../descriptors/api";
import { type GrpcOptions } from "../options/grpc-options";
import { BadRequest } from "./bad-request";
import { exactly, markedNumbers } from "./exact-numbers";
import { membersOf, scanJson } from "./json-scan";
import { JsonToWire } from "./wire/json-to-wire";
import { type FoundBinding } from "./method-table";
import { checkNumberTexts } from "./number-texts";
import { framed, PREFIX_BYTES, prefixed } from "./message-frames";
import { type RequestForm } from "./request-form";
import { parametersOf } from "./request-parameters";
import { WireToJson } from "./wire/wire-to-json";
import { writtenJson } from "./written-json";

/** What a message travels in between client and gateway. */
export type Encoding = "json" | "binary";

/** What a request's body is in. */
export type BodyEncoding = Encoding | "form";

/** What a request says besides its path. */
export interface RequestContent {
  readonly query: string;
  readonly body: Buffer;
  readonly contentType: string;
  /** That of the body. */
  readonly encoding: BodyEncoding;
}

/** A body and what it is. */
export interface Content {
  readonly contentType: string;
  /** A text goes in UTF-8. */
  readonly body: Buffer | string;
}

export const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  json: "application/json",
  binary: "application/x-protobuf",
};

const UTF8 = new TextDecoder("utf-8", { fatal: true });
/** A body that is whatever its content type says, and no message. */
const HTTP_BODY = "google.api.HttpBody";

type Dynamic = Message & Record<string, unknown>;

/** Makes messages of requests, and answers of messages. */
export class Codec {
  private readonly reading: { registry: Api["registry"]; ignoreUnknownFields: boolean };
  private readonly writing: {
    registry: Api["registry"];
    alwaysEmitImplicit: boolean;
    enumAsInteger: boolean;
    useProtoFieldName: boolean;
  };
  private readonly toWire: JsonToWire;
  private readonly toJson: WireToJson;

  /** @param form how requests tell their message where that is not its own JSON */
  constructor(
    { registry }: Api,
    private readonly options: GrpcOptions,
    readonly form?: RequestForm,
  ) {
    this.reading = { registry, ignoreUnknownFields: options.ignoreUnknown };
    this.writing = {
      registry,
      alwaysEmitImplicit: options.defaults,
      enumAsInteger: options.enumNumbers,
      useProtoFieldName: options.protoNames,
    };
    this.toWire = new JsonToWire(this.reading, PREFIX_BYTES);
    this.toJson = new WireToJson(this.writing);
  }

  /** The message that a request stands for, as it travels. @throws BadRequest */
  message(found: FoundBinding, content: RequestContent): Buffer {
    const { input } = found.binding.method.method;
    const parameters = parametersOf(found, content.query, this.options.ignoreUnknown, this.form);
    try {
      const written = parameters === undefined ? this.written(found, content, input) : undefined;
      if (written !== undefined) return prefixed(written);
      const json = this.jsonOf(found, content, input);
      const message =
        json === undefined
          ? this.bodyMessage(found, content, input)
          : (fromJson(input, json, this.reading) as Dynamic);
      if (parameters !== undefined) mergeFromJson(input, message, parameters, this.reading);
      return framed(toBinary(input, message));
    } catch (error) {
      throw error instanceof BadRequest ? error : new BadRequest((error as Error).message);
    }
  }

  /** What a client gets of an answer's message. @throws Error where it is none, or has an Any of an unknown type */
  answer({ binding }: FoundBinding, bytes: Buffer, encoding: Encoding): Content {
    const { output } = binding.method.method;
    const { responseBody } = binding;
    if (output.typeName === HTTP_BODY && responseBody === undefined) return httpBodyOf(output, bytes);
    if (encoding === "binary" && responseBody === undefined)
      return { contentType: CONTENT_TYPES.binary, body: Buffer.from(bytes) };
    const text = responseBody === undefined ? this.toJson.message(output, bytes) : undefined;
    if (text !== undefined) return { contentType: CONTENT_TYPES.json, body: text };
    const message = fromBinary(output, bytes) as Dynamic;
    const { message: within } = responseBody ?? {};
    if (responseBody?.fieldKind === "message" && within !== undefined) {
      const inner = (message[responseBody.localName] ?? create(within)) as Dynamic;
      if (within.typeName === HTTP_BODY) return httpBodyOf(within, toBinary(within, inner));
      if (encoding === "binary")
        return { contentType: CONTENT_TYPES.binary, body: Buffer.from(toBinary(within, inner)) };
      return this.json(toJson(within, inner, this.writing), within);
    }
    if (responseBody === undefined) return this.json(toJson(output, message, this.writing), output);
    return this.json(this.fieldJson(output, message, responseBody), responseBody);
  }

  /** One message of a stream, without line breaks. @throws Error as `answer` */
  line({ binding }: FoundBinding, bytes: Buffer): string {
    return this.answer({ binding, values: [] }, bytes, "json").body.toString();
  }

  private json(value: JsonValue, shape: DescMessage | DescField): Content {
    return { contentType: CONTENT_TYPES.json, body: writtenJson(value, shape, this.writing.registry) };
  }

  /** A field that is not there has the value that it has then. */
  private fieldJson(message: DescMessage, value: Dynamic, field: DescField): JsonValue {
    const read = (alwaysEmitImplicit: boolean): JsonValue | undefined => {
      const written = toJson(message, value, { ...this.writing, alwaysEmitImplicit }) as Record<
        string,
        JsonValue
      >;
      return written[this.options.protoNames ? field.name : field.jsonName];
    };
    return read(this.writing.alwaysEmitImplicit) ?? read(true) ?? null;
  }

  /** A message that is told by no JSON. */
  private bodyMessage({ binding }: FoundBinding, content: RequestContent, input: DescMessage): Dynamic {
    const { body } = binding;
    if (body === undefined || content.body.length === 0) return create(input) as Dynamic;
    const whole = wholeOf(body, input);
    if (whole?.typeName === HTTP_BODY) {
      const { contentType } = content;
      const made = fromJson(whole, { contentType, data: content.body.toString("base64") }) as Dynamic;
      return body === "*" ? made : this.around(input, body, toBinary(whole, made));
    }
    if (whole === undefined) throw noMessage(body);
    return body === "*"
      ? (fromBinary(input, content.body) as Dynamic)
      : this.around(input, body, content.body);
  }

  /** The message of a body in JSON; undefined where it is not in JSON, or is the library's to read. */
  private written(
    { binding: { body } }: FoundBinding,
    content: RequestContent,
    input: DescMessage,
  ): Buffer | undefined {
    if (body === undefined || !isJson(body, content, input)) return undefined;
    if (content.encoding !== "json" || this.form?.leavesJson === false) return undefined;
    return this.toWire.message(input, content.body, body === "*" ? undefined : body);
  }

  /** JSON of the message that the body tells; undefined where it tells it otherwise. */
  private jsonOf(
    { binding: { body } }: FoundBinding,
    content: RequestContent,
    input: DescMessage,
  ): JsonValue | undefined {
    if (body === undefined || !isJson(body, content, input)) return undefined;
    const { registry } = this.reading;
    const { form } = this;
    const text = utf8(content.body);
    if (content.encoding === "form") return this.formJson(text, body, input);
    let value = JSON.parse(text) as JsonValue;
    const { members, longNumbers } = scanJson(text);
    // The library says which name is there twice; it takes its time for that, which here only such texts cost.
    if (membersOf(value) < members)
      fromJsonString(EmptySchema, `{"":${text}}`, { ignoreUnknownFields: true });
    const shape = body === "*" ? input : body;
    if (longNumbers) value = markedNumbers(text);
    if (form !== undefined) value = form.json(value, shape);
    if (longNumbers) value = exactly(value, shape, registry);
    checkNumberTexts(value, shape, registry);
    return body === "*" ? value : { [body.jsonName]: value };
  }

  private formJson(text: string, body: "*" | DescField, input: DescMessage): JsonValue {
    const type = wholeOf(body, input);
    if (type === undefined || this.form === undefined) throw noMessage(body);
    const value = this.form.form(text, type);
    return body === "*" ? value : { [(body as DescField).jsonName]: value };
  }

  /** A message that has only this message field. */
  private around(input: DescMessage, field: DescField, bytes: Uint8Array): Dynamic {
    const message = create(input) as Dynamic;
    const inner = create(field.message!);
    mergeFromBinary(field.message!, inner, bytes);
    reflect(input, message).set(field, reflect(field.message!, inner));
    return message;
  }
}

/** The message that the body is all of. */
const wholeOf = (body: "*" | DescField, input: DescMessage): DescMessage | undefined =>
  body === "*" ? input : body.fieldKind === "message" ? body.message : undefined;

/** It is told by JSON, or by what becomes JSON. */
const isJson = (whole: "*" | DescField, { body, encoding }: RequestContent, input: DescMessage): boolean =>
  body.length > 0 && encoding !== "binary" && wholeOf(whole, input)?.typeName !== HTTP_BODY;

const noMessage = (body: "*" | DescField): BadRequest =>
  new BadRequest(`the body is the field ${(body as DescField).name}, which is no message: send JSON`, 415);

/** @throws BadRequest */
function utf8(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new BadRequest("the body is not in UTF-8");
  }
}

function httpBodyOf(type: DescMessage, bytes: Uint8Array): Content {
  const { contentType, data } = fromBinary(type, bytes) as Dynamic & {
    contentType: string;
    data: Uint8Array;
  };
  const said = /^[\t\x20-\x7e]+$/.test(contentType) ? contentType : "application/octet-stream";
  return { contentType: said, body: Buffer.from(data) };
}
