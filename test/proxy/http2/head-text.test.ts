import { eachField, toHttp2Fields } from "../../../proxy/http2/head-text";

test("each field has its name in lower case and its value without the blanks around it", () => {
  // GIVEN lines in the midst of a text WHEN they are read
  const text = "HTTP/1.1 200 OK\r\nContent-Type: \t text/html \r\nX-Empty:\r\nX-Colon: a:b\r\nrest";
  const fields: string[] = [];
  eachField(text, text.indexOf("Content"), text.indexOf("rest"), (name, value) =>
    fields.push(`${name}=${value}`),
  );
  // THEN
  expect(fields).toEqual(["content-type=text/html", "x-empty=", "x-colon=a:b"]);
});

test("what belongs to one hop of HTTP/1 does not travel on HTTP/2", () => {
  const lines =
    "Connection: close\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\nVary: Accept\r\n";
  expect({ ...toHttp2Fields(lines) }).toEqual({ vary: "Accept" });
});

test("a field that comes twice is a list, but for one of which Node takes a single value", () => {
  const lines = "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nETag: 1\r\nETag: 2\r\n";
  expect({ ...toHttp2Fields(lines) }).toEqual({ "set-cookie": ["a=1", "b=2"], etag: "1, 2" });
});

test("a field may have the name of something that every object has", () => {
  expect(Object.keys(toHttp2Fields("constructor: a\r\n__proto__: b\r\n"))).toEqual([
    "constructor",
    "__proto__",
  ]);
});
