import { type DescField, type DescMessage } from "@bufbuild/protobuf";
import { type ApiMethod } from "../descriptors/api";
import { DescriptorError } from "../descriptors/descriptor-error";
import { type HttpRule } from "../descriptors/http-rule";
import { type FieldPath, fieldOf, fieldPathOf } from "./field-path";
import { type PathTemplate, readPathTemplate, type TemplateVariable } from "./path-template";

/** A part of the path, and the field that it fills. */
export interface BoundVariable {
  readonly variable: TemplateVariable;
  readonly path: FieldPath;
}

/** One kind of HTTP request that stands for calls of a method. */
export interface Binding {
  readonly method: ApiMethod;
  /** In upper case; `*` for any. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  readonly variables: readonly BoundVariable[];
  /** The field that the body fills; `*` for all of the message, undefined for none. */
  readonly body: DescField | "*" | undefined;
  /** The field that is answered with; undefined for all of the message. */
  readonly responseBody: DescField | undefined;
}

/** Repeated messages are no parameters, and nor is what is within them. */
const EXPECTS_SINGLE = "is not a single value, and cannot be filled by a part of the path";

/**
 * The requests that a method's rule names; none where it has no rule.
 *
 * @throws DescriptorError
 */
export function bindingsOf(method: ApiMethod): Binding[] {
  const { rule } = method;
  return rule === undefined ? [] : [rule, ...rule.additional].map((each) => bind(method, each));
}

/** `POST /package.Service/Method` with all of the message. */
export function methodPathBinding(method: ApiMethod): Binding {
  const { parent, name } = method.method;
  return {
    method,
    httpMethod: "POST",
    template: { segments: [parent.typeName, name], variables: [], verb: "" },
    variables: [],
    body: "*",
    responseBody: undefined,
  };
}

function bind(method: ApiMethod, rule: HttpRule): Binding {
  const { input, output, parent } = method.method;
  const wrong = (problem: string): DescriptorError =>
    new DescriptorError(`${parent.file.proto.name}: ${method.name}: google.api.http: ${problem}`);
  if (rule.method === "" || rule.path === "") throw wrong("it names no method, or no path");
  if (rule.additional.some(({ additional }) => additional.length > 0))
    throw wrong("a rule of additional_bindings has such rules itself");
  const template = templateOf(rule.path, (problem) => wrong(`path ${rule.path}: ${problem}`));
  const variables = template.variables.map((variable) => {
    const path = fieldPathOf(input, variable.field);
    const name = variable.field.join(".");
    if (path === undefined) throw wrong(`path ${rule.path}: ${input.typeName} has no field ${name}`);
    if (path.some(isMany)) throw wrong(`path ${rule.path}: ${name} ${EXPECTS_SINGLE}`);
    return { variable, path };
  });
  return {
    method,
    httpMethod: rule.method.toUpperCase(),
    template,
    variables,
    body: rule.body === "*" ? "*" : named(input, rule.body, "body", wrong),
    responseBody: named(output, rule.responseBody, "response_body", wrong),
  };
}

function templateOf(text: string, wrong: (problem: string) => Error): PathTemplate {
  try {
    return readPathTemplate(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

function named(
  message: DescMessage,
  name: string,
  what: string,
  wrong: (problem: string) => Error,
): DescField | undefined {
  if (name === "") return undefined;
  const field = fieldOf(message, name);
  if (field === undefined) throw wrong(`${what}: ${message.typeName} has no field ${name}`);
  return field;
}

const isMany = ({ fieldKind }: DescField): boolean => fieldKind === "list" || fieldKind === "map";
