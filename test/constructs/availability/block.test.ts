import {
  atLeast,
  blockOf,
  component,
  type Figure,
  parallel,
  remote,
  series,
} from "../../../constructs/availability";

describe("component", () => {
  test("keeps both sides of a figure to the last digit", () => {
    // GIVEN a figure as people write it
    const link = component("link", { availability: 0.9995 });
    // THEN the complement has no rounding noise
    expect(link.unavailability).toBe(0.0005);
    expect(component("x", { unavailability: 1e-13 }).availability).toBe(0.9999999999999);
    expect(component("x", { unavailability: 1e-300 }).unavailability).toBe(1e-300);
    expect(component("x", { availability: 1 }).unavailability).toBe(0);
    expect(component("x", { availability: 0 }).unavailability).toBe(1);
  });

  test("derives the figure from MTBF and MTTR", () => {
    expect(component("server", { mtbfHours: 9996, mttrHours: 4 }).unavailability).toBe(4e-4);
  });

  test.each<[Figure, string]>([
    [{} as Figure, 'component "c" has no figure'],
    [undefined as unknown as Figure, 'component "c" has no figure'],
    [{ mtbfHours: 5 } as Figure, 'component "c" has no figure'],
    [{ availability: 99.99 }, "must be a number from 0 to 1, got 99.99 (99.99 % is 0.9999)"],
    [{ availability: Number.NaN }, "availability must be a number from 0 to 1, got NaN"],
    [{ unavailability: -0.1 }, "unavailability must be a number from 0 to 1, got -0.1"],
    [{ mtbfHours: 0, mttrHours: 4 }, "mtbfHours must be a number above 0, got 0"],
    [{ mtbfHours: 10, mttrHours: -1 }, "mttrHours must be a number of at least 0, got -1"],
  ])("refuses the figure %j", (figure, message) => {
    expect(() => component("c", figure)).toThrow(message);
  });

  test("refuses an empty id, a wrong date and a wrong beta", () => {
    const up = { availability: 1 };
    expect(() => component(" ", up)).toThrow('component id must be a non-empty string, got " "');
    expect(() => component("c", up, { effectiveDate: "Jan 2024" })).toThrow('got "Jan 2024"');
    expect(() => component("c", up, { effectiveDate: "2026-02-31" })).toThrow('got "2026-02-31"');
    expect(() => component("c", { availability: 0.9, meanOutageHours: 0 })).toThrow("above 0, got 0");
    expect(() => component("c", up, { commonCause: { group: "zones", beta: 2 } })).toThrow("got 2");
  });
});

describe("combinators", () => {
  const a = component("a", { availability: 0.99 });

  test("take whatever has an availability", () => {
    expect(series({ availability: a }, a).blocks).toEqual([a, a]);
    expect(() => blockOf({ availability: 0.9 } as never)).toThrow("expected a block or something with an");
  });

  test.each([0, 3, 1.5, Number.NaN])("refuse k = %p of 2", (k) => {
    expect(() => atLeast(k, a, a)).toThrow(`k must be a whole number from 1 to 2, got ${k}`);
  });

  test("refuse to combine nothing", () => {
    expect(() => series()).toThrow("series: expected at least one block, got none");
    expect(() => parallel()).toThrow("parallel: expected at least one block, got none");
    expect(() => remote("uk", "")).toThrow('remote: service must be a non-empty string, got ""');
  });
});
