import { RequestHead } from "../../../proxy/http1/request-head";
import { ResponseHead } from "../../../proxy/http1/response-head";
import { freshness, satisfies } from "../../../proxy/origins/groups/stale/freshness";

const LIMITS = { maxHeaderBytes: 65_536, maxHeaderCount: 100 };
const NOW = Date.parse("2026-03-01T12:00:00Z");
const HTTP_DATE = "Sun, 01 Mar 2026 11:59:50 GMT";

function request(...lines: string[]): RequestHead {
  const head = new RequestHead(LIMITS);
  const text = Buffer.from(["GET / HTTP/1.1", "Host: a", ...lines, "", ""].join("\r\n"));
  expect(head.parse(text, 0, text.length)).toBe(text.length);
  return head;
}

function answer(status: number, ...lines: string[]): ResponseHead {
  const head = new ResponseHead(LIMITS);
  const text = Buffer.from([`HTTP/1.1 ${status} X`, ...lines, "", ""].join("\r\n"));
  expect(head.parse(text, 0, text.length)).toBe(text.length);
  return head;
}

const kept = (asked: RequestHead, answered: ResponseHead, ifError = 60, waited = 0): unknown =>
  freshness(asked, answered, ifError, waited, NOW);

describe("GIVEN an answer to a GET WHEN it is asked for how long it may be given THEN", () => {
  test.each<[string, string[], object]>([
    ["nothing said: as the group says", [], { age: 0, lifetime: 0, staleFor: 60 }],
    ["max-age", ["Cache-Control: max-age=30"], { age: 0, lifetime: 30, staleFor: 60 }],
    [
      "s-maxage is for us, and strict",
      ["Cache-Control: max-age=30, s-maxage=9"],
      { lifetime: 9, staleFor: 0 },
    ],
    ["its own word", ["Cache-Control: max-age=30, stale-if-error=5"], { lifetime: 30, staleFor: 5 }],
    ["a quoted number", ['Cache-Control: MAX-AGE="30"'], { lifetime: 30 }],
    ["two lines", ["Cache-Control: public", "Cache-Control: max-age=30"], { lifetime: 30 }],
    ["told twice: the shorter", ["Cache-Control: max-age=30, max-age=8"], { lifetime: 8 }],
    ["no number: no time", ["Cache-Control: max-age=soon"], { lifetime: 0 }],
    ["must-revalidate", ["Cache-Control: max-age=30, must-revalidate"], { lifetime: 30, staleFor: 0 }],
    ["Age", ["Cache-Control: max-age=30", "Age: 12"], { age: 12, lifetime: 30 }],
    ["Date", ["Cache-Control: max-age=30", `Date: ${HTTP_DATE}`], { age: 10, lifetime: 30 }],
    ["Expires from Date", [`Date: ${HTTP_DATE}`, "Expires: Sun, 01 Mar 2026 12:00:50 GMT"], { lifetime: 60 }],
    ["Expires without Date", ["Expires: Sun, 01 Mar 2026 12:00:50 GMT"], { lifetime: 50 }],
    ["Expires that is over", ["Expires: 0"], { lifetime: 0, staleFor: 60 }],
  ])("%s", (_what, lines, expected) => {
    expect(kept(request(), answer(200, "Content-Length: 1", ...lines))).toMatchObject(expected);
  });

  test("the time that it took to come is part of its age", () => {
    expect(kept(request(), answer(200, "Content-Length: 1", "Age: 2"), 60, 1.5)).toMatchObject({ age: 3.5 });
  });
});

describe("GIVEN what is private, personal or not whole WHEN it is answered THEN it is not kept", () => {
  test.each<[string, string[], number, string[]]>([
    ["no-store", [], 200, ["Cache-Control: no-store"]],
    ["no-cache", [], 200, ["Cache-Control: no-cache"]],
    ["no-cache for a field", [], 200, ['Cache-Control: no-cache="Date"']],
    ["private", [], 200, ["Cache-Control: private, stale-if-error=100"]],
    ["an authorised request", ["Authorization: Bearer x"], 200, ["Cache-Control: public"]],
    ["Set-Cookie", [], 200, ["Set-Cookie: a=b"]],
    ["a request with cookies", ["Cookie: a=b"], 200, []],
    ["what depends on anything", [], 200, ["Vary: Accept, *"]],
    ["an error", [], 500, []],
    ["a part", [], 206, []],
    ["stale-if-error=0 of its own", [], 200, ["Cache-Control: stale-if-error=0"]],
    ["too old when it came", [], 200, ["Age: 61"]],
  ])("%s", (_what, asks, status, lines) => {
    expect(kept(request(...asks), answer(status, "Content-Length: 1", ...lines))).toBeUndefined();
  });

  test("an end that nothing but the connection's tells", () => {
    const unframed = answer(200);
    expect(kept(request(), unframed)).toBeDefined();
    unframed.close = true;
    expect(kept(request(), unframed)).toBeUndefined();
  });

  test("but what is said to be public is everybody's", () => {
    expect(
      kept(request("Cookie: a=b"), answer(200, "Content-Length: 1", "Cache-Control: public")),
    ).toBeDefined();
  });
});

describe("GIVEN an answer of which 30 s were fresh and 60 s may follow WHEN a request comes THEN it has it", () => {
  const stored = { age: 0, lifetime: 30, staleFor: 60 };
  test.each<[string, string[], number, boolean]>([
    ["fresh", [], 0, true],
    ["stale", [], 89, true],
    ["not when it is over", [], 90, false],
    ["not where it wants to be sure", ["Cache-Control: no-cache"], 0, false],
    ["not where it wants a younger one", ["Cache-Control: max-age=10"], 11, false],
    ["where it is young enough", ["Cache-Control: max-age=10"], 10, true],
    ["not where it wants it to stay fresh", ["Cache-Control: min-fresh=10"], 21, false],
    ["not where it bears less", ["Cache-Control: stale-if-error=5"], 35, false],
    ["not by who has a right to more", ["Authorization: Bearer x"], 0, false],
    ["not where it is about one version", ['If-Match: "1"'], 0, false],
  ])("%s", (_what, asks, age, expected) => {
    expect(satisfies(request(...asks), stored, age)).toBe(expected);
  });
});
