import {
  type DescField,
  type DescMessage,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { BadRequest } from "./bad-request";
import { type Visit, visited } from "./typed-json";

/** What JSON has for a number, and the three that it has not. */
const NUMBER = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/;
const INTEGER_KEY = /^[+-]?\d+$/;
const NO_NUMBERS = new Set([ScalarType.STRING, ScalarType.BYTES, ScalarType.BOOL]);

/**
 * That each text which is read as a number is one in JSON: the library takes whatever JavaScript takes, such as `0x10`.
 *
 * @throws BadRequest
 */
export function checkNumberTexts(
  value: JsonValue,
  shape: DescMessage | DescField,
  registry: Registry | undefined,
): void {
  visited(value, shape, registry, CHECKING);
}

const CHECKING: Visit = {
  scalar: (type, value) => {
    if (typeof value === "string" && !NO_NUMBERS.has(type) && !NUMBER.test(value)) throw noNumber(value);
    return value;
  },
  free: (value) => value,
  key: (type, key) => {
    if (!NO_NUMBERS.has(type) && !INTEGER_KEY.test(key)) throw noNumber(key);
  },
};

const noNumber = (text: string): BadRequest => new BadRequest(`${JSON.stringify(text)} is not a number`);
