import { readAddressAndPort, readUpstream, readWarm } from "../../../proxy/options/endpoint-values";
import { duration, integer, workers } from "../../../proxy/options/option-values";

test.each([
  ["90", 90],
  ["1.5", 1.5],
  ["1h", 3600],
  ["1m30s", 90],
  ["500ms", 0.5],
  ["", undefined],
  ["-1", undefined],
  ["1d", undefined],
  ["1s2", undefined],
  ["32000h", undefined],
])("a duration of %j is %p seconds", (text, seconds) => {
  expect(duration(0, "").read(text)).toBe(seconds);
});

test("a number in a file is whole and within its bounds, and in a flag has no more digits than a number keeps", () => {
  const port = integer(3000, 0, 65535, "");
  expect([0, 65535, -1, 65536, 1.5, "80"].map(port.accepts)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  expect(["080", "65536", "0x50", "1".repeat(16)].map(port.read)).toEqual([
    80,
    undefined,
    undefined,
    undefined,
  ]);
});

test("workers are a number, or as many as there are cores, or one less", () => {
  const { accepts, read } = workers(1, "");
  expect(["auto", "spare", 4, 0, "4"].map(accepts)).toEqual([true, true, true, false, false]);
  expect(["auto", "spare", "4", "none"].map(read)).toEqual(["auto", "spare", 4, undefined]);
});

test.each([
  ["api.example.com", { host: "api.example.com", port: 443, tls: true, count: 1 }],
  ["API.example.com:8443=12", { host: "api.example.com", port: 8443, tls: true, count: 12 }],
  ["http://api.example.com=2", { host: "api.example.com", port: 80, tls: false, count: 2 }],
  ["api.example.com:443=0", undefined],
  ["api.example.com:443=1001", undefined],
  ["api.example.com:70000=2", undefined],
  ["*.example.com=2", undefined],
])("%j to be kept open is %p", (text, origin) => {
  expect(readWarm(text)).toEqual(origin);
});

test.each([
  ["127.0.0.1:9300", { host: "127.0.0.1", port: 9300 }],
  ["[::1]:0", { host: "::1", port: 0 }],
  ["::1:9300", undefined],
  ["localhost:9300", undefined],
  ["1.2.3.4:65536", undefined],
])("the address %j is %p", (text, address) => {
  expect(readAddressAndPort(text)).toEqual(address);
});

test.each([
  ["https://API.example.com/", { host: "api.example.com", port: 443, tls: true }],
  ["http://[::1]:8080", { host: "::1", port: 8080, tls: false }],
  ["api.example.com", undefined],
  ["https://api.example.com/path", undefined],
])("the origin %j is %p", (text, origin) => {
  expect(readUpstream(text)).toEqual(origin);
});
