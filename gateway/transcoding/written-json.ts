import { randomUUID } from "node:crypto";
import {
  type DescField,
  type DescMessage,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { messagesWithin } from "./field-path";
import { leavesMapped, type Visit, visited } from "./typed-json";

/** Stands for -0 until the text is there, which JavaScript writes as 0. Nobody can know it. */
const NEGATIVE_ZERO = randomUUID();
/** Beyond these there is none that is not 0, where few are. */
const EXACT_DIGITS = 40;
/** The least float with all of its 24 bits. */
const LEAST_NORMAL = 2 ** -126;
/** With so many digits, and a point, two numbers are two floats. */
const SHORT = 7;
/** Digits with which each float is another one. */
const MOST_DIGITS = 9;
const FLOATING = new Set([ScalarType.FLOAT, ScalarType.DOUBLE]);

/**
 * The number with the fewest digits that is this float too, and of several the nearest one, as Go has it.
 *
 * @param value that a float holds
 */
export function shortFloat(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const isNormal = Math.abs(value) >= LEAST_NORMAL;
  if (isNormal && `${value}`.length <= SHORT) return value;
  for (let digits = isNormal ? 6 : 1; digits <= MOST_DIGITS; digits++) {
    const near = nearest(value, digits);
    if (near !== undefined) return near;
  }
  return value;
}

/** With so many digits; undefined where there is none that is this float. */
function nearest(value: number, digits: number): number | undefined {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e") as [string, string];
  const last = Number(exponent) - digits + 1;
  const whole = Number(mantissa.replace(".", ""));
  const away = whole < 0 ? -1 : 1;
  const isFloat = (each: number): boolean => Math.fround(Number(`${each}e${last}`)) === value;
  // Of two that are as near as each other JavaScript has the larger one, and others the even one.
  if (whole % 2 !== 0 && isFloat(whole - away) && isBetween(value, digits))
    return Number(`${whole - away}e${last}`);
  if (isFloat(whole)) return Number(`${whole}e${last}`);
  // Floats are less dense on one side of a power of two: there one that is farther away may be it.
  return isFloat(whole + away) ? Number(`${whole + away}e${last}`) : undefined;
}

/** After so many digits it has a 5, and no more. */
const isBetween = (value: number, digits: number): boolean =>
  /^50*$/.test(
    value
      .toExponential(EXACT_DIGITS)
      .replace(/e.*|[-.]/g, "")
      .slice(digits),
  );

/** The text of a number that has digits: -0 is told from 0. */
export const numberText = (value: number): string => (Object.is(value, -0) ? "-0" : `${value}`);

/**
 * The text of JSON that the library made of a message or a field: floats have the fewest digits that tell them, and -0
 * stays what it is.
 */
export function writtenJson(
  value: JsonValue,
  shape: DescMessage | DescField,
  registry: Registry | undefined,
): string {
  if (!mayFloat(shape)) return JSON.stringify(value);
  const text = JSON.stringify(visited(value, shape, registry, SHORTENING));
  return text.replaceAll(`"${NEGATIVE_ZERO}"`, "-0");
}

const SHORTENING: Visit = {
  scalar: (type, value) =>
    marked(type === ScalarType.FLOAT && typeof value === "number" ? shortFloat(value) : value),
  free: (value) => marked(value),
};

function marked(value: JsonValue): JsonValue {
  return leavesMapped(value, (each) => (Object.is(each, -0) ? NEGATIVE_ZERO : each));
}

const known = new WeakMap<DescMessage, boolean>();

/** Whether there may be a number that is not an integer, at whatever depth. */
function mayFloat(shape: DescMessage | DescField): boolean {
  if (shape.kind !== "message")
    return shape.message === undefined
      ? shape.scalar !== undefined && FLOATING.has(shape.scalar)
      : mayFloat(shape.message);
  let floats = known.get(shape);
  if (floats === undefined) known.set(shape, (floats = [...messagesWithin([shape])].some(hasFloat)));
  return floats;
}

const hasFloat = ({ typeName, fields }: DescMessage): boolean =>
  typeName === "google.protobuf.Any" ||
  fields.some(({ scalar }) => scalar !== undefined && FLOATING.has(scalar));
