import { BadValue, fieldsOf, known, members, type Reader } from "../../proxy/grammar";
import { type RequestOptions } from "./grpc-options";
import { onOrOff, readList } from "./text-values";

const EXPECTS = "an object with form, envelope, fields or ignore";
/** Names that lead to a member, with dots between them. */
const PATH = /^[^.[\]]+(?:\.[^.[\]]+)*$/;
const NAME = /^[^.[\]]+$/;

/** Reads `request` of a route's `grpc`: how requests were made before they became calls. */
export const readRequest: Reader<RequestOptions> = (value, path) => {
  const fields = known(value, path, ["form", "envelope", "fields", "ignore"], EXPECTS);
  const from = members(fields, path);
  return {
    form: from("form", onOrOff, false),
    envelope: from("envelope", readEnvelope, []),
    fields: from("fields", readFields, {}),
    ignore: from("ignore", readNames, []),
  };
};

const readEnvelope: Reader<readonly string[]> = (value, path) => {
  if (typeof value !== "string" || !PATH.test(value))
    throw new BadValue(path, value, "the name of a member, or names with dots between them");
  return value.split(".");
};

/** That the types and their fields are there is found out where they are known. */
const readFields: Reader<RequestOptions["fields"]> = (value, path) =>
  Object.fromEntries(
    Object.entries(fieldsOf(value, path, "an object of names by full name of a message")).map(
      ([type, names]) => [type, readRenames(names, [...path, type])],
    ),
  );

const readRenames: Reader<Readonly<Record<string, string>>> = (value, path) => {
  const names = fieldsOf(value, path, "an object of fields by the name that requests have for them");
  for (const [name, field] of Object.entries(names)) {
    if (!NAME.test(name)) throw new BadValue(path, name, "a name without dots and brackets");
    if (typeof field !== "string" || !PATH.test(field))
      throw new BadValue([...path, name], field, "the name of a field, or names with dots between them");
  }
  return names as Readonly<Record<string, string>>;
};

const readNames: Reader<readonly string[]> = (value, path) =>
  readList(value, path, NAME, "a name without dots and brackets");
