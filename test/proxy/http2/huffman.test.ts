import { huffmanText } from "../../../proxy/http2/huffman";

const decoded = (hex: string): string | undefined => {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return huffmanText(bytes, 0, bytes.length);
};

test.each([
  ["", ""],
  ["www.example.com", "f1e3 c2e5 f23a 6ba0 ab90 f4ff"],
  ["no-cache", "a8eb 1064 9cbf"],
  ["Mon, 21 Oct 2013 20:13:21 GMT", "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff"],
  ["https://www.example.com", "9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3"],
])("reads %j, as RFC 7541 appendix C writes it", (text, hex) => {
  expect(decoded(hex)).toBe(text);
});

test("reads what lies between two offsets, and a byte of any value", () => {
  // GIVEN "0" (00000) and filling, between other bytes
  expect(huffmanText(Buffer.from([0xff, 0x07, 0xff]), 1, 2)).toBe("0");
  // AND the byte 0xff: 26 bits, and filling
  expect(decoded("ffff fbbf")).toBe("\xff");
});

test.each([
  ["filled up by a whole byte", "07ff"],
  ["filled up by zeros", "00"],
  ["the end mark itself", "ffff ffff"],
  ["an unfinished code of more than seven bits", "ffff fb"],
])("is no text: %s (RFC 7541 section 5.2)", (_, hex) => {
  expect(decoded(hex)).toBeUndefined();
});
