import { type IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { type sendUnaryData, type ServerUnaryCall, type status } from "@grpc/grpc-js";
import { eventually } from "../proxy/proxy-process";
import { exchange, gatewayLab, service } from "./gateway-lab";
import { grpcService, PROTOS, SHOP } from "./grpc-lab";

type Message = Record<string, unknown>;

/** A request to a monolith, and what it answered. */
interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  /** Of `body`. @default application/json */
  readonly type?: string;
  /** The gateway itself says what is wrong with it. */
  readonly refused?: true;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly answer: string;
}

const JSON_TYPE = { "content-type": "application/json" };
const FORM = "application/x-www-form-urlencoded";
const PROBLEM = { "content-type": "application/problem+json" };

/** As they were recorded: the monolith's own words, its own statuses, and its own form of what went wrong. */
const RECORDED: readonly Exchange[] = [
  {
    ...{ method: "GET", path: "/v1/echo?an_int32=5&numbers=1&numbers=2&inner.name=caf%C3%A9" },
    ...{ status: 200, headers: { ...JSON_TYPE, "x-powered-by": "monolith/7" } },
    answer: '{"anInt32":5,"inner":{"name":"café"},"numbers":[1,2]}',
  },
  {
    ...{
      method: "POST",
      path: "/v1/echo",
      body: '{"anInt64": 9007199254740993, "aString": "\\u00e9\\n", "maybe": 0}',
    },
    ...{ status: 200, headers: JSON_TYPE },
    answer: '{"anInt64":"9007199254740993","aString":"é\\n","maybe":0}',
  },
  {
    ...{ method: "POST", path: "/v1/things/7:touch", type: FORM },
    body: "utf8=%E2%9C%93&customer_id=9007199254740993&inner[name]=caf%C3%A9+au+lait&numbers[]=1&numbers[]=2&a_bool=1&maybe=",
    ...{ status: 200, headers: JSON_TYPE },
    answer:
      '{"anInt64":"9007199254740993","aBool":true,"aString":"things/7","inner":{"name":"café au lait"},"numbers":[1,2]}',
  },
  {
    ...{ method: "POST", path: "/v1/things/8:touch", type: FORM, body: "a_bool=0&a_bool=1", refused: true },
    ...{ status: 400, headers: PROBLEM },
    answer:
      '{"title":"Bad Request","status":400,"detail":"INVALID_ARGUMENT: parameter a_bool: is there twice"}',
  },
  {
    ...{ method: "GET", path: "/v1/echo?customer_id=7&inner[name]=a" },
    ...{ status: 200, headers: JSON_TYPE },
    answer: '{"anInt64":"7","inner":{"name":"a"}}',
  },
  { ...{ method: "PUT", path: "/v1/inners", body: "[]" }, status: 200, headers: JSON_TYPE, answer: "[]" },
  { ...{ method: "DELETE", path: "/v1/nothing" }, status: 200, headers: JSON_TYPE, answer: "{}" },
  {
    ...{ method: "GET", path: "/v1/fail/5?message=no%20caf%C3%A9%20%22here%22" },
    ...{ status: 404, headers: PROBLEM },
    answer: '{"title":"Not Found","status":404,"detail":"NOT_FOUND: no café \\"here\\""}',
  },
  {
    ...{ method: "GET", path: "/v1/fail/9?message=sold%20out" },
    ...{ status: 422, headers: PROBLEM },
    answer: '{"title":"Unprocessable Entity","status":422,"detail":"FAILED_PRECONDITION: sold out"}',
  },
  {
    ...{ method: "HEAD", path: "/v1/fail/9?message=sold%20out" },
    ...{ status: 422, headers: { ...PROBLEM, "content-length": "86" } },
    answer: "",
  },
];

/** What may differ: what each connection says of itself, and who says it. */
const DECLARED = ["connection", "keep-alive", "date", "x-chocon-id", "x-powered-by"];

const ERRORS = {
  statuses: { FAILED_PRECONDITION: 422 },
  contentType: "application/problem+json",
  body: { title: "{reason}", status: "{status}", detail: "{code}: {message}" },
};

const REQUEST = {
  form: true,
  fields: { "shop.v1.Everything": { customer_id: "an_int64" } },
  ignore: ["utf8"],
};
const CALLED = RECORDED.filter(({ refused }) => refused !== true).length;

const lab = gatewayLab();

test("GIVEN a monolith's exchanges as they were recorded WHEN its routes move out to a service of gRPC, and back, THEN they are the same to the byte but for the fields that may differ", async () => {
  const monolith = await service("monolith", ({ method, url }, response) => {
    const {
      status: code,
      headers,
      answer,
    } = RECORDED.find((each) => each.method === method && each.path === url)!;
    response.writeHead(code, { "content-length": Buffer.byteLength(answer), ...headers }).end(answer);
  });
  const same = (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>): void =>
    done(null, call.request);
  const shop = await grpcService(join(PROTOS, "shop.proto"), "shop.v1.Everythings", {
    Echo: same,
    Nothing: same,
    Fail: ({ request }: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) =>
      done({ code: request["code"] as status, details: String(request["message"]) }),
  });
  const config = (share: number): object => ({
    monolith: { url: monolith.url, host: "keep" },
    services: { shop: shop.url },
    apis: { shop: SHOP },
    routes: {
      all: {
        ...{ path: "/v1/**", service: "shop", share, sticky: { header: "X-User" } },
        grpc: { api: "shop", request: REQUEST, errors: ERRORS },
      },
    },
  });
  await lab.using(config(0), async (gateway) => {
    const replayed = async () => {
      const answers: Replayed[] = [];
      for (const { method, path, body, type } of RECORDED) {
        const sent: Record<string, string> =
          body === undefined ? {} : { "content-type": type ?? "application/json" };
        const came = await exchange(gateway, path, { method, body, headers: { ...sent, "x-user": "7" } });
        answers.push({ status: came.status, body: came.body, headers: undeclared(came.headers) });
      }
      return answers;
    };
    const reloaded = async (share: number): Promise<void> => {
      const reloads = gateway.output().split("configuration reloaded").length;
      gateway.reload(config(share));
      await eventually(() => gateway.output().split("configuration reloaded").length > reloads, 30_000);
    };
    const expected = RECORDED.map(({ status: code, headers, answer }) => ({
      status: code,
      body: answer,
      headers: undeclared({ "content-length": `${Buffer.byteLength(answer)}`, ...headers }),
    }));
    // GIVEN the monolith has them
    expect(await replayed()).toEqual(expected);
    expect([monolith.requests.length, shop.calls.length]).toEqual([RECORDED.length, 0]);
    // WHEN the service has them
    await reloaded(1);
    expect(await replayed()).toEqual(expected);
    expect([monolith.requests.length, shop.calls.length]).toEqual([RECORDED.length, CALLED]);
    // AND when one value is turned back
    await reloaded(0);
    expect(await replayed()).toEqual(expected);
    expect([monolith.requests.length, shop.calls.length]).toEqual([2 * RECORDED.length, CALLED]);
  });
});

interface Replayed {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

const undeclared = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !DECLARED.includes(name)));
