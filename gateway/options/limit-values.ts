import {
  BadValue,
  fieldsOf,
  known,
  members,
  type Path,
  type Reader,
  seconds,
  whole,
} from "../../proxy/engine";
import { claimPath } from "./issuer-values";
import { type LimitKey, type LimitOptions } from "./limit-options";
import { readList, TOKEN } from "./text-values";

/** It stands between quotes in RateLimit fields. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const KEY_EXPECTS = '"address", { "header": name } or { "claim": name }';
const DAY = 86_400;

/** Reads the value of `limits`: an object of limits by name. @throws BadValue */
export function readLimits(value: unknown): readonly LimitOptions[] {
  return Object.entries(fieldsOf(value, ["limits"], "an object of limits by name")).map(([name, limit]) => {
    const path = ["limits", name];
    if (!NAME.test(name))
      throw new BadValue(path, name, "a name of at most 64 letters, digits, dots, hyphens and underscores");
    return readLimit(name, limit, path);
  });
}

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
  const time = seconds(value, path);
  if (!Number.isInteger(time) || time < 1 || time > DAY)
    throw new BadValue(path, value, "whole seconds, from 1s to 24h");
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
