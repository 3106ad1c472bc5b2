import fc from "fast-check";
import { CompressionError, encodeField, encodePseudoField, HpackDecoder } from "../../../proxy/http2/hpack";

function read(decoder: HpackDecoder, block: Buffer): string[] {
  const fields: string[] = [];
  decoder.decode(block, 0, block.length, ({ name, value }) => fields.push(`${name}: ${value}`));
  return fields;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("GIVEN the examples of RFC 7541 appendix C", () => {
  test("WHEN single fields are read (C.2) THEN they are what the example says", () => {
    const custom = hex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
    expect(read(new HpackDecoder(), custom)).toEqual(["custom-key: custom-header"]);
    const path = hex("040c 2f73 616d 706c 652f 7061 7468");
    expect(read(new HpackDecoder(), path)).toEqual([":path: /sample/path"]);
    const secret = hex("1008 7061 7373 776f 7264 0673 6563 7265 74");
    expect(read(new HpackDecoder(), secret)).toEqual(["password: secret"]);
    expect(read(new HpackDecoder(), hex("82"))).toEqual([":method: GET"]);
  });

  test("WHEN requests with Huffman coding are read (C.4) THEN later ones refer to earlier ones", () => {
    const decoder = new HpackDecoder();
    const common = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
    expect(read(decoder, hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"))).toEqual(common);
    expect(read(decoder, hex("8286 84be 5886 a8eb 1064 9cbf"))).toEqual([
      ...common,
      "cache-control: no-cache",
    ]);
    expect(read(decoder, hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"))).toEqual([
      ":method: GET",
      ":scheme: https",
      ":path: /index.html",
      ":authority: www.example.com",
      "custom-key: custom-value",
    ]);
  });

  test("WHEN responses come with a table of 256 bytes (C.6) THEN what does not fit is forgotten", () => {
    const decoder = new HpackDecoder();
    const resize = "3fe1 01";
    const location = "location: https://www.example.com";
    const first = "date: Mon, 21 Oct 2013 20:13:21 GMT";
    const one = hex(
      `${resize} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    );
    expect(read(decoder, one)).toEqual([":status: 302", "cache-control: private", first, location]);
    expect(read(decoder, hex("4883 640e ffc1 c0bf"))).toEqual([
      ":status: 307",
      "cache-control: private",
      first,
      location,
    ]);
    const three = hex(
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    );
    expect(read(decoder, three)).toEqual([
      ":status: 200",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:22 GMT",
      location,
      "content-encoding: gzip",
      "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ]);
  });
});

test("WHEN fields are written THEN they are read as the same, whatever their length", () => {
  const latin1 = fc
    .array(fc.integer({ min: 0x20, max: 0xff }), { maxLength: 400 })
    .map((chars) => String.fromCharCode(...chars));
  const name = fc.constantFrom(":path", "cookie", "authorization", "x-made-up", "etag", "x".repeat(300));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, latin1), { maxLength: 10 }), (fields) => {
      const block = fields.map(([field, value]) => encodeField(field, value)).join("");
      expect(read(new HpackDecoder(), Buffer.from(block, "latin1"))).toEqual(
        fields.map(([field, value]) => `${field}: ${value}`),
      );
    }),
  );
  expect(encodePseudoField(":method", "GET")).toBe("\x82");
});

test("WHEN secrets are written THEN no table on their way may keep them", () => {
  for (const name of ["authorization", "cookie", "proxy-authorization"])
    expect(encodeField(name, "x").charCodeAt(0) & 0xf0).toBe(0x10);
});

test.each([
  ["an index of 0", "80"],
  ["an index beyond the table", "be"],
  ["a name beyond the table", "7f00 0161"],
  ["an integer that is cut off", "7f80"],
  ["an integer without end", "7fff ffff ffff ffff"],
  ["a text that is cut off", "4001 61 05 62"],
  ["a field that ends with its name", "4001 61"],
  ["Huffman padding of zeros", "4001 61 81 18"],
  ["Huffman padding of a whole byte", "4001 61 82 1fff"],
  ["the end mark in a text", "4001 61 84 ffff ffff"],
  ["a table larger than was offered", "3fe2 1f"],
  ["a resize after a field", "82 20"],
])("WHEN a block has %s THEN it is refused", (_name, block) => {
  expect(() => read(new HpackDecoder(), hex(block))).toThrow(CompressionError);
});

test("WHEN the table is full THEN the oldest go, and a field larger than it empties it", () => {
  const decoder = new HpackDecoder();
  const kept = (name: string, value: string): Buffer =>
    Buffer.from(`\x40${encodeField(name, value).slice(1)}`, "latin1");
  for (let i = 0; i < 1_000; i++) read(decoder, kept(`x-${i}`, "v".repeat(50)));
  expect(read(decoder, hex("be"))).toEqual([`x-999: ${"v".repeat(50)}`]);
  expect(() => read(decoder, hex("ff40"))).toThrow(CompressionError);
  read(decoder, kept("x-large", "v".repeat(5_000)));
  expect(() => read(decoder, hex("be"))).toThrow(CompressionError);
});
