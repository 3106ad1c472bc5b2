import { connect as connectHttp2 } from "node:http2";
import { checkSchemas } from "../../gateway/bodies/check-schemas";
import { readConfiguration } from "../../gateway/options/configuration";
import { ask, exchange, gatewayLab, type RunningGateway, service, type TestService } from "./gateway-lab";

const lab = gatewayLab();

const ORDER = {
  type: "object",
  properties: {
    id: { type: "string", pattern: "^[a-z0-9]+$" },
    items: {
      type: "array",
      minItems: 1,
      items: { type: "object", properties: { price: { type: "number", minimum: 0 } }, required: ["price"] },
    },
  },
  required: ["id", "items"],
  additionalProperties: false,
};
const GOOD = { id: "o1", items: [{ price: 1.5 }, { price: 0 }] };
const JSON_BODY = { "content-type": "application/json" };

let orders: TestService;
beforeAll(async () => {
  orders = await service("orders");
});

const using = (use: (gateway: RunningGateway) => Promise<void>): Promise<void> =>
  lab.using(
    {
      services: { orders: orders.url },
      routes: { order: { path: "/orders", service: "orders", bodySchema: ORDER, maxBodyBytes: 100_000 } },
    },
    use,
  );

/** What a gateway says of a body, and how many requests came to the service for it. */
async function told(
  gateway: RunningGateway,
  body: string | Buffer[],
  headers: Readonly<Record<string, string>> = JSON_BODY,
  method = "POST",
): Promise<{ status: number; detail: unknown; came: number }> {
  const before = orders.requests.length;
  const answer = await exchange(gateway, "/orders", { method, headers, body });
  const isProblem = answer.headers["content-type"] === "application/problem+json";
  const detail = isProblem ? (JSON.parse(answer.body) as { detail: string }).detail : undefined;
  return { status: answer.status, detail, came: orders.requests.length - before };
}

test("GIVEN a body that fits WHEN it comes in one piece or in chunks THEN its service reads it as it was sent", () =>
  using(async (gateway) => {
    const text = JSON.stringify(GOOD, undefined, 2);
    expect(await told(gateway, text)).toEqual({ status: 200, detail: undefined, came: 1 });
    expect(orders.requests.at(-1)!.body).toBe(text);
    const chunks = [Buffer.from(text.slice(0, 7)), Buffer.from(text.slice(7))];
    expect(await told(gateway, chunks)).toMatchObject({ status: 200, came: 1 });
    expect(orders.requests.at(-1)!.body).toBe(text);
    expect(
      await told(gateway, text, { "content-type": "application/vnd.shop+json; charset=utf-8" }),
    ).toMatchObject({ status: 200, came: 1 });
  }));

test.each([
  [
    "a value out of its range",
    { ...GOOD, items: [{ price: 1 }, { price: -1 }] },
    "/items/1/price must be >= 0",
  ],
  ["a member that is missing", { id: "o1" }, "the body must have required property 'items'"],
  [
    "one that is not known",
    { ...GOOD, admin: true },
    'the body must NOT have additional properties: "admin"',
  ],
  ["a value of another type", [GOOD], "the body must be object"],
])("GIVEN %s THEN the client is told where, and the service is not asked", (_, body, detail) =>
  using(async (gateway) => {
    expect(await told(gateway, JSON.stringify(body))).toEqual({ status: 400, detail, came: 0 });
  }),
);

const UNREADABLE: readonly (readonly [
  what: string,
  body: string | Buffer[],
  headers: Readonly<Record<string, string>>,
  status: number,
  detail: string,
])[] = [
  ["half a body", '{"id": "o1"', JSON_BODY, 400, "the body is no JSON"],
  ["none at all", "", JSON_BODY, 400, "the body is no JSON"],
  ["bytes that are no UTF-8", [Buffer.from([0x22, 0xff, 0x22])], JSON_BODY, 400, "the body is no JSON"],
  [
    "a name twice, of which each reader takes another",
    '{"id": "o1", "id": "../o2", "items": [{"price": 1}]}',
    JSON_BODY,
    400,
    "a name is twice in one object",
  ],
  [
    "a form",
    "id=o1",
    { "content-type": "application/x-www-form-urlencoded" },
    415,
    "expected a body in JSON, not compressed",
  ],
  ["no type", JSON.stringify(GOOD), {}, 415, "expected a body in JSON, not compressed"],
  [
    "a compressed body",
    JSON.stringify(GOOD),
    { ...JSON_BODY, "content-encoding": "gzip" },
    415,
    "expected a body in JSON, not compressed",
  ],
];
test.each(UNREADABLE)("GIVEN %s THEN the service is not asked", (_, body, headers, status, detail) =>
  using(async (gateway) => {
    expect(await told(gateway, body, headers)).toEqual({ status, detail, came: 0 });
  }),
);

test("GIVEN a request that has no body by its method THEN there is nothing to look at", () =>
  using(async (gateway) => {
    for (const method of ["GET", "DELETE"])
      expect(await ask(gateway, "/orders", { method })).toMatchObject({ status: 200 });
    // AND one that has a body all the same is looked at
    expect(await told(gateway, "{}", { ...JSON_BODY, "content-length": "2" }, "DELETE")).toMatchObject({
      status: 400,
      came: 0,
    });
  }));

test("GIVEN an HTTP/2 client THEN its bodies are looked at too, and messages of gRPC do not pass unseen", () =>
  using(async (gateway) => {
    const session = connectHttp2(`http://127.0.0.1:${gateway.port}`);
    const asked = (type: string, body: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const head = { ":method": "POST", ":path": "/orders", "content-type": type };
        const stream = session.request(head);
        stream.on("response", (answer) => resolve(answer[":status"]!)).on("error", reject);
        stream.end(body);
      });
    const before = orders.requests.length;
    expect(await asked("application/json", '{"id": "o1"}')).toBe(400);
    expect(await asked("application/grpc", JSON.stringify({ id: "o1" }))).toBe(415);
    expect(orders.requests.length).toBe(before);
    expect(await asked("application/json", JSON.stringify(GOOD))).toBe(200);
    expect(orders.requests.at(-1)!.body).toBe(JSON.stringify(GOOD));
    session.destroy();
  }));

test("GIVEN a service that closes connections as they are used again THEN a body that may be sent again is, whole", async () => {
  let answered = 0;
  const fickle = await service("fickle", (request, response) => {
    if (++answered % 2 === 0) request.socket.destroy();
    else response.end("fickle");
  });
  const routes = {
    order: { path: "/orders", service: "fickle", bodySchema: ORDER, maxBodyBytes: 100_000 },
  };
  await lab.using({ services: { fickle: fickle.url }, routes }, async (gateway) => {
    const text = JSON.stringify(GOOD);
    const sent = { method: "PUT", headers: JSON_BODY, body: text };
    for (let i = 0; i < 2; i++)
      expect(await ask(gateway, "/orders", sent)).toEqual({ status: 200, body: "fickle" });
    expect(fickle.requests.map(({ body }) => body)).toEqual([text, text, text]);
  });
});

test.each([
  [
    "a rule that there is not",
    { properties: { id: { minLenght: 1 } } },
    'strict mode: unknown keyword: "minLenght"',
  ],
  [
    "a type that there is not",
    { type: "strnig" },
    "schema is invalid: data/type must be equal to one of the allowed values",
  ],
  [
    "a part that lies elsewhere",
    { $ref: "https://example.com/order.json" },
    "can't resolve reference https://example.com/order.json",
  ],
  ["a pattern that is none", { pattern: "(" }, "Invalid regular expression: /(/u: Unterminated group"],
])("GIVEN a schema with %s WHEN the file is checked THEN the route is named", (_, bodySchema, said) => {
  const routes = { order: { path: "/orders", service: "orders", bodySchema, maxBodyBytes: 1000 } };
  const file = lab.written({ services: { orders: orders.url }, routes });
  expect(() => checkSchemas(file, readConfiguration(file))).toThrow(
    `${file}: routes.order.bodySchema: ${said}`,
  );
});
