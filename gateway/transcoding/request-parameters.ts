import { type JsonValue } from "@bufbuild/protobuf";
import { type FoundBinding } from "./method-table";
import { fieldPathOf, type FieldPath } from "./field-path";
import { jsonOf, noSingle, notFree } from "./field-text";
import { FilledMessage } from "./filled-message";
import { type RequestForm } from "./request-form";

/**
 * What path and query say, as JSON of the fields that they fill, to be merged into what the body has filled.
 *
 * @param query without its question mark
 * @param ignoring parameters that name no field are passed over
 * @param form how requests were made before they became calls
 * @returns undefined where they say nothing
 * @throws BadRequest
 */
export function parametersOf(
  { binding, values }: FoundBinding,
  query: string,
  ignoring: boolean,
  form?: RequestForm,
): JsonValue | undefined {
  if (query === "" && values.length === 0) return undefined;
  const filled = new FilledMessage();
  if (query !== "") {
    const { input } = binding.method.method;
    const free = (path: FieldPath): boolean =>
      binding.body !== "*" &&
      path[0] !== binding.body &&
      !binding.variables.some((bound) => bound.path.every((field, index) => field === path[index]));
    if (form !== undefined) form.query(input, query, free, filled);
    else
      for (const [name, value] of new URLSearchParams(query)) {
        const path = fieldPathOf(input, name.split("."));
        if (path !== undefined && free(path)) put(filled, path, value, name);
        else if (!ignoring) throw notFree(name);
      }
  }
  binding.variables.forEach(({ path, variable }, index) =>
    put(filled, path, values[index]!, variable.field.join(".")),
  );
  return filled.empty ? undefined : filled.json();
}

function put(filled: FilledMessage, path: FieldPath, text: string, name: string): void {
  const field = path.at(-1)!;
  if (field.fieldKind === "map") throw noSingle(name);
  const value = jsonOf(field, text, name);
  if (field.fieldKind === "list") filled.add(path, value, `parameter ${name}`);
  else filled.put(path, value, `parameter ${name}`);
}
