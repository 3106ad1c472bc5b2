import { complement } from "./complement";

/** Significant digits of the unavailability that are shown. */
const DIGITS = 5;
/** Digits within which two results are the same: what lies beyond is rounding noise of the arithmetic. */
const TRUSTED_DIGITS = 12;

/**
 * An availability as a percentage: 0.99940005 is "99.940005 %". Shows five digits of what is missing to 100 %,
 * rounded against the promise, so that nothing reads as met that is missed.
 *
 * @param availability 0 to 1
 * @param unavailability 1 - availability, where it is known with more digits
 * @param rounding "less" of a promise, "more" of a demand. @default "less"
 */
export function percent(
  availability: number,
  unavailability = complement(availability),
  rounding: "less" | "more" = "less",
): string {
  if (unavailability === 0) return "100 %";
  const [mantissa = "0", exponent = "0"] = unavailability.toExponential(TRUSTED_DIGITS - 1).split("e");
  const noise = 10n ** BigInt(TRUSTED_DIGITS - DIGITS);
  const missing = (BigInt(mantissa.replace(".", "")) + (rounding === "less" ? noise - 1n : 0n)) / noise;
  // `missing` counts units of 10^-places of a percentage.
  const places = DIGITS - 3 - Number(exponent);
  if (places <= 0) return "0 %";
  const left = 100n * 10n ** BigInt(places) - missing;
  const digits = (left < 0n ? 0n : left).toString().padStart(places + 1, "0");
  const text = `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/0+$/, "").replace(/\.$/, "");
  return `${text} %`;
}
