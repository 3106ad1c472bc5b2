import { type DescField, type DescMessage } from "@bufbuild/protobuf";

/** A field of a message, or of one within it: the fields that lead to it, the outermost first. */
export type FieldPath = readonly DescField[];

/** The field with this name, or this name in JSON. */
export const fieldOf = ({ fields }: DescMessage, name: string): DescField | undefined =>
  fields.find((field) => field.name === name) ?? fields.find((field) => field.jsonName === name);

/** The field that these names lead to; undefined where there is none, or one on the way is no single message. */
export function fieldPathOf(message: DescMessage, names: readonly string[]): FieldPath | undefined {
  const path: DescField[] = [];
  let within: DescMessage | undefined = message;
  for (const name of names) {
    const field: DescField | undefined = within && fieldOf(within, name);
    if (field === undefined) return undefined;
    path.push(field);
    within = field.fieldKind === "message" ? field.message : undefined;
  }
  return path;
}

/** These messages, and all that may be within them. */
export function messagesWithin(outermost: readonly DescMessage[]): ReadonlySet<DescMessage> {
  const found = new Set(outermost);
  for (const { fields } of found)
    for (const { message } of fields) if (message !== undefined) found.add(message);
  return found;
}
