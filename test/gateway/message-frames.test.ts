import { framed, MessageFrames } from "../../gateway/transcoding/message-frames";

const MESSAGES = ["first", "", "the third of them"];
const TRAVELLING = Buffer.concat(MESSAGES.map((message) => framed(Buffer.from(message))));

/** What is taken out of bytes that come in these pieces, each of which is written over once it was handed in. */
function taken(pieces: readonly Buffer[], maxBytes = 1_000): { messages: string[]; frames: MessageFrames } {
  const frames = new MessageFrames(maxBytes);
  const messages: string[] = [];
  for (const piece of pieces) {
    const lent = Buffer.concat([Buffer.from("x"), piece, Buffer.from("y")]);
    expect(
      frames.add(lent, 1, lent.length - 1, (message) => messages.push(message.toString())),
    ).toBeUndefined();
    lent.fill(0xff);
  }
  return { messages, frames };
}

test("GIVEN messages that travel in pieces WHEN these are cut anywhere THEN each message is taken whole, though its bytes are lent", () => {
  for (let first = 0; first <= TRAVELLING.length; first++)
    for (let second = first; second <= TRAVELLING.length; second++) {
      const pieces = [[0, first], [first, second], [second]].map(([from, to]) =>
        TRAVELLING.subarray(from, to),
      );
      const { messages, frames } = taken(pieces);
      expect([first, second, messages, frames.complete]).toEqual([first, second, MESSAGES, true]);
    }
  // AND what is not whole yet is known to be missing
  const { messages, frames } = taken([TRAVELLING.subarray(0, -1)]);
  expect([messages, frames.complete]).toEqual([MESSAGES.slice(0, 2), false]);
});

test("GIVEN a message that is too large, or compressed WHEN its prefix is there THEN that is said", () => {
  const said = (bytes: Buffer): unknown => new MessageFrames(5).add(bytes, 0, bytes.length, () => undefined);
  expect(said(framed(Buffer.from("first")))).toBeUndefined();
  expect(said(framed(Buffer.from("larger")).subarray(0, 5))).toBe("too_large");
  expect(said(Buffer.from([1, 0, 0, 0, 0]))).toBe("compressed");
});
