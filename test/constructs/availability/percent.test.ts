import { complement } from "../../../constructs/availability/calculus/complement";
import { percent } from "../../../constructs/availability/calculus/percent";

test.each([
  [0.99940005, "99.940005 %"],
  [0.9995, "99.95 %"],
  [0.9999, "99.99 %"],
  [1, "100 %"],
  [0, "0 %"],
  [0.5, "50 %"],
  [0.001, "0.1 %"],
  [0.9999999999999, "99.99999999999 %"],
])("percent(%p) is %s", (availability, text) => {
  expect(percent(availability)).toBe(text);
});

test("rounding noise does not cost a digit, a true miss does", () => {
  expect(percent(0.9995, 0.0005 + 1e-19)).toBe("99.95 %");
  expect(percent(0.9995, 0.00050000001)).toBe("99.949999 %");
  // never rounded up to 100 %
  expect(percent(1, 1e-25)).toBe("99.99999999999999999999999 %");
});

test("a demand is rounded up where a promise is rounded down", () => {
  expect(percent(0.9995 / 0.9999)).toBe("99.959995 %");
  expect(percent(0.9995 / 0.9999, undefined, "more")).toBe("99.959996 %");
  expect(percent(0.9995, undefined, "more")).toBe("99.95 %");
});

test("complement subtracts in decimal", () => {
  expect(complement(0.9999)).toBe(0.0001);
  expect(complement(0.0001)).toBe(0.9999);
  expect(complement(5e-324)).toBe(1);
  expect(complement(1 / 3)).toBeCloseTo(2 / 3, 15);
});
