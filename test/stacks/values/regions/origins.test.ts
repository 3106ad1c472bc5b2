import { proxiedOrigins } from "../../../../stacks/values/regions";

const FIGURE = { availability: 0.999, source: "assumed" };

test("GIVEN origins that a region describes WHEN its proxies are told THEN each is named where it belongs, without its figure", () => {
  const described = {
    "api.example.com": { ...FIGURE, warm: 2 },
    "pay.example.com:8443": { ...FIGURE, warm: 1 },
    "web.example.com": { stack: "us", service: "web" },
    "search.example.com": {
      origins: [{ ...FIGURE, url: "https://a.example.com", limit: 9 }],
      connectTimeout: "2s",
    },
  };
  const given = { allow: ["*.example.net", "api.example.com"], warm: ["a.example.net:443=1"] };
  expect(proxiedOrigins(described, given)).toEqual({
    allow: ["api.example.com", "pay.example.com", "web.example.com", "*.example.net"],
    warm: ["api.example.com:443=2", "pay.example.com:8443=1", "a.example.net:443=1"],
    groups: {
      "search.example.com": { origins: [{ url: "https://a.example.com", limit: 9 }], connectTimeout: "2s" },
    },
  });
});
