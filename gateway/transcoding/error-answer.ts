import { type Registry } from "@bufbuild/protobuf";
import { type OwnBody, statusText } from "../../proxy/engine";
import { type GrpcErrorOptions } from "../options/grpc-options";
import { CODES } from "../options/status-codes";
import { CONTENT_TYPES, type Content, type Encoding } from "./codec";
import { codeName, type GrpcStatus, statusBinary, statusJson } from "./grpc-status";

/** What a template may name: `{status}` of HTTP, its `{reason}`, `{code}` by name, its `{number}`, and `{message}`. */
const PLACEHOLDER = /\{(status|reason|code|number|message)\}/g;
const WHOLE_NUMBER = /^\{(status|number)\}$/;

/** How a route answers where a call fails. */
export class ErrorAnswers {
  constructor(
    private readonly options: GrpcErrorOptions,
    private readonly registry: Registry,
  ) {}

  /** The HTTP status that a code stands for. */
  statusFor(code: number): number {
    const name = codeName(code);
    return this.options.statuses[name] ?? CODES.find(([each]) => each === name)![1];
  }

  /** @param http the status that the answer has */
  content(status: GrpcStatus, http: number, encoding: Encoding): Content {
    const { body, contentType } = this.options;
    if (body === undefined && encoding === "binary")
      return { contentType: CONTENT_TYPES.binary, body: Buffer.from(statusBinary(status)) };
    const values: Readonly<Record<string, string | number>> = {
      status: http,
      reason: statusText(http),
      code: codeName(status.code),
      number: status.code,
      message: status.message,
    };
    const escape = escapeFor(contentType);
    const text =
      body === undefined
        ? JSON.stringify(statusJson(status, this.registry))
        : typeof body === "string"
          ? body.replace(PLACEHOLDER, (_, name: string) => escape(String(values[name])))
          : JSON.stringify(filled(body, values));
    return { contentType, body: text };
  }

  /** The same, for an answer that others write. */
  told(status: GrpcStatus, http: number, encoding: Encoding): OwnBody {
    const { contentType, body } = this.content(status, http, encoding);
    return { contentType, text: Buffer.from(body).toString("latin1") };
  }
}

function filled(template: unknown, values: Readonly<Record<string, string | number>>): unknown {
  if (typeof template === "string") {
    const number = WHOLE_NUMBER.exec(template)?.[1];
    if (number !== undefined) return values[number];
    return template.replace(PLACEHOLDER, (_, name: string) => String(values[name]));
  }
  if (Array.isArray(template)) return template.map((each) => filled(each, values));
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([name, each]) => [name, filled(each, values)]));
}

/** How a text stands within a body of this type. */
function escapeFor(contentType: string): (text: string) => string {
  if (/json/i.test(contentType)) return (text) => JSON.stringify(text).slice(1, -1);
  if (!/xml|html/i.test(contentType)) return (text) => text;
  return (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
