import { Recording } from "../../../../../proxy/origins/groups/stale/recording";

/** What is kept of a body that passes in these pieces. */
function kept(framed: boolean, maxBytes: number, ...pieces: readonly string[]): string | undefined {
  let whole: string | undefined;
  const recording = new Recording(framed, maxBytes, (body) => (whole = body.toString("latin1")));
  // Each piece is lent in a buffer that is written into again.
  const lent = Buffer.alloc(64);
  pieces.forEach((piece, index) => {
    lent.write(`..${piece}`, "latin1");
    recording.add(lent, 2, 2 + piece.length, index === pieces.length - 1);
    lent.fill(0);
  });
  return whole;
}

test.each([
  ["one piece", ["body"], "body"],
  ["several pieces", ["bo", "", "dy"], "body"],
  ["no byte at all", [""], ""],
])("keeps a body of %s", (_, pieces, body) => {
  expect(kept(false, 10, ...pieces)).toBe(body);
});

test("keeps the payload of chunks, wherever these are cut", () => {
  expect(kept(true, 10, "3\r\nbod\r\n1", "\r\ny\r\n0\r", "\n\r\n")).toBe("body");
});

test("keeps nothing of a body that is too large, or no body", () => {
  expect(kept(false, 4, "body")).toBe("body");
  expect(kept(false, 4, "body", "!")).toBeUndefined();
  expect(kept(true, 10, "x\r\n")).toBeUndefined();
});

test("keeps nothing of one that did not come whole", () => {
  let whole = false;
  const recording = new Recording(false, 10, () => (whole = true));
  recording.add(Buffer.from("bo"), 0, 2, false);
  expect(whole).toBe(false);
});
