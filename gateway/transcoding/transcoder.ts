import { type Failure, type OwnBody, type RequestHead, statusText } from "../../proxy/engine";
import { type Api } from "../descriptors/api";
import { type GrpcOptions } from "../options/grpc-options";
import { type Binding, bindingsOf, methodPathBinding } from "./binding";
import { failed } from "./call-answer";
import { type BodyEncoding, Codec } from "./codec";
import { ErrorAnswers } from "./error-answer";
import { codeOfHttp } from "./grpc-status";
import { JsonTranslation, type StreamForm } from "./json-translation";
import { MethodTable } from "./method-table";
import { type CallTarget, TranscodedRequest } from "./transcoded-request";
import { RequestForm } from "./request-form";
import { type Translation } from "./translation";
import { WebTranslation } from "./web-translation";
import { JSON_TYPE } from "../json-type";

const GRPC = /^application\/grpc(?:[+;]|$)/i;
const WEB = /^application\/grpc-web(-text)?(\+[\w.-]+)?\s*(?:;|$)/i;
const BINARY_TYPE = /^application\/(?:x-protobuf|protobuf|vnd\.google\.protobuf)\s*(?:;|$)/i;
const BINARY_WANTED = /\bapplication\/(?:x-protobuf|protobuf|vnd\.google\.protobuf)\b/i;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;\s*charset="?utf-8"?\s*)?$/i;
const EVENTS_WANTED = /\btext\/event-stream\b/i;
const METHOD_PATH = /^\/[A-Za-z_][\w.]*\/[A-Za-z_]\w*$/;
const HTTP_BODY = "google.api.HttpBody";

/** What becomes of a request. */
export interface Put {
  /** The call that it is put as. */
  readonly call: TranscodedRequest | undefined;
  /** Why it is none. */
  readonly refusal: Failure | undefined;
  /** What the gateway's own answers to it say. */
  readonly tell: (failure: Failure) => OwnBody;
}

/** Puts a route's requests as calls of gRPC. */
export class Transcoder {
  private readonly errors: ErrorAnswers;
  private readonly table: MethodTable;
  private readonly codec: Codec;

  /** @throws DescriptorError, and BadValue of what is within a route's `grpc` */
  constructor(
    api: Api,
    private readonly options: GrpcOptions,
  ) {
    const { services, methodPaths, request, ignoreUnknown } = options;
    const methods = api.methods.filter(
      ({ method }) => services.length === 0 || services.includes(method.parent.typeName),
    );
    const bindings: Binding[] = methods.flatMap(bindingsOf);
    this.table = new MethodTable(bindings, methodPaths ? methods.map(methodPathBinding) : []);
    const inputs = methods.map(({ method }) => method.input);
    this.codec = new Codec(api, options, request && new RequestForm(request, inputs, ignoreUnknown));
    this.errors = new ErrorAnswers(options.errors, api.registry);
  }

  /** Whether a call with this path, `/package.Service/Method`, may be made. */
  allows(path: string): boolean {
    const { services } = this.options;
    return services.length === 0 || services.includes(path.slice(1, path.lastIndexOf("/")));
  }

  /** @param target path and query that the service is asked for */
  put(head: RequestHead, target: string, to: CallTarget): Put {
    const translation = this.translation(head, target);
    if (!("problem" in translation))
      return {
        call: new TranscodedRequest(translation, to),
        refusal: undefined,
        tell: ({ status }) => translation.told(failed(codeOfHttp(status), statusText(status)), status),
      };
    return {
      call: undefined,
      refusal: translation,
      tell: (failure) => {
        const { status, problem } = failure;
        const message = failure === translation ? problem : statusText(status);
        return this.errors.told(failed(codeOfHttp(status), message), status, "json");
      },
    };
  }

  private translation(head: RequestHead, target: string): Translation | Failure {
    const { options } = this;
    const question = target.indexOf("?");
    const path = question < 0 ? target : target.slice(0, question);
    const contentType = head.fieldValue("content-type") ?? "";
    const web = WEB.exec(contentType);
    if (web !== null) {
      if (head.method !== "POST") return untranslated(405, "gRPC-Web is asked by POST", "Allow: POST\r\n");
      if (!METHOD_PATH.test(path) || !this.allows(path))
        return untranslated(404, "no service of the route has the call's path");
      return new WebTranslation(path, web[2] ?? "", web[1] !== undefined, options.maxMessageBytes);
    }
    if (GRPC.test(contentType)) return untranslated(415, "gRPC needs HTTP/2");
    const { found, allowed } = this.table.find(head.method, path);
    if (found === undefined) {
      if (allowed.length === 0) return untranslated(404, `no method has ${path}`);
      return untranslated(405, `no method has ${head.method} ${path}`, `Allow: ${allowed.join(", ")}\r\n`);
    }
    const { method, name } = found.binding.method;
    if (method.methodKind !== "unary" && method.methodKind !== "server_streaming")
      return untranslated(501, `${name} takes a stream of messages: call it by gRPC`);
    const sent = this.sentAs(found.binding, contentType, head);
    const forms = this.codec.form?.takesForms === true ? ", application/x-www-form-urlencoded" : "";
    if (sent === undefined)
      return untranslated(
        415,
        `a body is application/json${forms} or application/x-protobuf, without Content-Encoding`,
      );
    const accept = head.fieldValue("accept") ?? "";
    const binary =
      method.methodKind === "unary" &&
      BINARY_WANTED.test(accept === "" || accept === "*/*" ? contentType : accept);
    const stream: StreamForm = EVENTS_WANTED.test(accept) ? "events" : "lines";
    return new JsonTranslation(
      found,
      this.codec,
      this.errors,
      {
        query: question < 0 ? "" : target.slice(question + 1),
        contentType,
        sent,
        wanted: binary ? "binary" : "json",
        stream,
      },
      options.maxMessageBytes,
    );
  }

  /** What a body is in; undefined where nobody can tell, and somebody has to. */
  private sentAs(
    { body, method }: Binding,
    contentType: string,
    head: RequestHead,
  ): BodyEncoding | undefined {
    if (!head.hasBody || body === undefined) return "json";
    const whole = body === "*" ? method.method.input : body.message;
    if (whole?.typeName === HTTP_BODY) return "json";
    const encoding = (head.fieldValue("content-encoding") ?? "identity").toLowerCase();
    if (encoding !== "identity") return undefined;
    if (BINARY_TYPE.test(contentType)) return "binary";
    if (this.codec.form?.takesForms === true && FORM_TYPE.test(contentType)) return "form";
    return contentType === "" || JSON_TYPE.test(contentType) ? "json" : undefined;
  }
}

/** @param lines fields of the answer */
const untranslated = (status: number, problem: string, lines = ""): Failure => ({
  status,
  problem,
  lines,
  refused: true,
});
