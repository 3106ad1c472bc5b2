import Ajv, { type ErrorObject, type ValidateFunction } from "ajv/dist/2020";
import { type MovableRequester, type OwnBody, type RequestHead } from "../../proxy/engine";
import { CapturedRequest } from "../asking/captured-request";
import { JSON_TYPE } from "../json-type";
import { Refusal } from "../refusal";
import { membersOf, scanJson } from "../transcoding/json-scan";

/** A schema is none, or says what nobody could keep to. */
export class SchemaError extends Error {}

/** Methods whose requests have a body to be looked at, even where they bring none. */
const WITH_BODY: readonly string[] = ["POST", "PUT", "PATCH"];
const nothing = (): void => undefined;

/** What bodies of a route's requests have to be like, by JSON Schema 2020-12. */
export class BodySchema {
  private readonly validate: ValidateFunction;

  /** @throws SchemaError */
  constructor(schema: object) {
    try {
      // `format` is an annotation in 2020-12: what is to be held needs a `pattern`.
      const ajv = new Ajv({ validateFormats: false, strictTypes: false, strictTuples: false, logger: false });
      this.validate = ajv.compile(schema);
    } catch (error) {
      throw new SchemaError((error as Error).message, { cause: error });
    }
  }

  /** Why a request that is here whole is not let through; undefined where it fits. */
  refusalOf(requester: MovableRequester): BodyRefusal | undefined {
    const { head } = requester;
    if (!head.hasBody && !WITH_BODY.includes(head.method)) return undefined;
    const encoding = head.fieldValue("content-encoding") ?? "identity";
    if (!JSON_TYPE.test(head.fieldValue("content-type") ?? "") || encoding !== "identity")
      return new BodyRefusal(415, "expected a body in JSON, not compressed", "no JSON that can be looked at");
    const json = jsonOf(bodyOf(requester, head));
    if (json === undefined) return new BodyRefusal(400, "the body is no JSON", "no JSON");
    const { text, value } = json;
    // One reader takes the first of them, and the next one the last.
    if (scanJson(text).members !== membersOf(value))
      return new BodyRefusal(400, "a name is twice in one object", "a name twice in one object");
    if (this.validate(value)) return undefined;
    const [error] = this.validate.errors!;
    return new BodyRefusal(400, explained(error!), error!.schemaPath);
  }
}

/** Why a body is not let through: what its sender is told, and for the log, which holds nothing of bodies, the rule. */
export class BodyRefusal extends Refusal {
  constructor(
    status: number,
    private readonly detail: string,
    rule: string,
  ) {
    super(status, "body", `the body is not what the route takes: ${rule}`);
  }

  /** By RFC 9457. */
  get told(): OwnBody {
    const { status, detail } = this;
    const problem = { title: "the body is not what this takes", status, detail };
    return {
      contentType: "application/problem+json",
      text: Buffer.from(`${JSON.stringify(problem)}\n`).toString("latin1"),
    };
  }
}

/** Takes the body out of a request that may be sent again. */
function bodyOf(requester: MovableRequester, head: RequestHead): Buffer {
  const captured = new CapturedRequest(head, { abandon: nothing, resume: nothing });
  requester.send(captured);
  requester.detach();
  return captured.body;
}

/** A body as text and as value; undefined where it is no JSON, or no UTF-8. */
function jsonOf(bytes: Buffer): { readonly text: string; readonly value: JsonValue } | undefined {
  try {
    const text = UTF8.decode(bytes);
    return { text, value: JSON.parse(text) as JsonValue };
  } catch {
    return undefined;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

type JsonValue = Parameters<typeof membersOf>[0];

/** Such as "/items/0/price must be >= 0". */
function explained({ instancePath, message, params }: ErrorObject): string {
  // Which member it is about that must not be there, the message does not say.
  const { additionalProperty, unevaluatedProperty, propertyName } = params as Record<string, unknown>;
  const which = additionalProperty ?? unevaluatedProperty ?? propertyName;
  const said = `${instancePath === "" ? "the body" : instancePath} ${message}`;
  return which === undefined ? said : `${said}: ${JSON.stringify(which)}`;
}
