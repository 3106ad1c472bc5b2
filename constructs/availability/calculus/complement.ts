const SCALE = 30;

/**
 * 1 - x for a probability x, as a person who wrote x in decimal would have it: complement(0.9999) is 0.0001,
 * where floating point gives 0.00009999999999998899. The shortest decimal that denotes x is subtracted exactly
 * and the result rounded once.
 *
 * @param x 0 to 1
 */
export function complement(x: number): number {
  const [mantissa = "0", exponent = "0"] = x.toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const shift = Number(exponent) - (digits.length - 1);
  // Below 1e-13 the digits no longer fit beside the 1: the double nearest to 1 - x is the plain difference.
  if (-shift > SCALE) return 1 - x;
  const scaled = BigInt(digits) * 10n ** BigInt(SCALE + shift);
  return Number(`${10n ** BigInt(SCALE) - scaled}e-${SCALE}`);
}
