import { BadValue, known, members, type Path, type Reader, whole } from "../../proxy/grammar";
import { claimPath } from "./issuer-values";
import { type LimitKey, type LimitOptions } from "./limit-options";
import { NAME, readNamed } from "./named-values";
import { between, readList, TOKEN } from "./text-values";

const KEY_EXPECTS = '"address", { "header": name } or { "claim": name }';
const WINDOW_EXPECTS = "whole seconds, from 1s to 24h";
const DAY = 86_400;

/** Reads the value of `limits`: an object of limits by name. @throws BadValue */
export const readLimits = (value: unknown): readonly LimitOptions[] => readNamed(value, "limits", readLimit);

function readLimit(name: string, value: unknown, path: Path): LimitOptions {
  const fields = known(value, path, ["requests", "window", "key", "maxKeys"], "an object");
  const from = members(fields, path);
  return {
    name,
    requests: whole(1, 1_000_000_000)(fields["requests"], [...path, "requests"]),
    window: readWindow(fields["window"], [...path, "window"]),
    key: readKey(fields["key"], [...path, "key"]),
    maxKeys: from("maxKeys", whole(1, 10_000_000), 100_000),
  };
}

/** RateLimit fields tell whole seconds. */
const readWindow: Reader<number> = (value, path) => {
  const time = between(1, DAY, WINDOW_EXPECTS)(value, path);
  if (!Number.isInteger(time)) throw new BadValue(path, value, WINDOW_EXPECTS);
  return time;
};

const readKey: Reader<LimitKey> = (value, path) => {
  if (value === "address") return { address: true };
  const { header, claim } = known(value, path, ["header", "claim"], KEY_EXPECTS);
  const [name, other] = header === undefined ? [claim, undefined] : [header, claim];
  if (typeof name !== "string" || name === "" || other !== undefined)
    throw new BadValue(path, value, KEY_EXPECTS);
  if (header === undefined) return { claim: claimPath(name) };
  if (!TOKEN.test(name)) throw new BadValue([...path, "header"], name, "a field name");
  return { header: name.toLowerCase() };
};

/** Reads a route's `limits`. */
export const readLimitNames: Reader<readonly string[]> = (value, path) =>
  readList(value, path, NAME, "the name of a limit");
