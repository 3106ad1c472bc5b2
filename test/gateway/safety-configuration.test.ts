import { gatewayLab } from "./gateway-lab";
import { TestKey } from "./test-issuer";
import { readConfiguration } from "../../gateway/options/configuration";

const lab = gatewayLab();
const key = TestKey.ec("k1");
const route = (more: object, top: object = {}): object => ({
  services: { search: "http://search.service.consul:8080" },
  routes: { a: { path: "/a", service: "search", ...more } },
  ...top,
});
const USERS = { issuer: "i", audience: "api", algorithms: ["ES256"], keys: [key.jwk] };
const issuer = (more: object): object =>
  route({ jwt: "users" }, { issuers: { users: { ...USERS, ...more } } });
const forwarding = (field: string, more: object = {}): object =>
  route(more, { issuers: { users: { ...USERS, forward: { sub: field } } } });
const cors = (more: object, of: object = {}): object =>
  route({ cors: { origins: ["https://a"], ...more }, ...of });
const limit = (more: object): object => ({
  limits: { l: { requests: 10, window: "1m", key: "address", ...more } },
});

test.each<[string, object, string]>([
  [
    "a token of nobody",
    route({ jwt: "users" }),
    'routes.a.jwt: "users" is not an issuer: there are no issuers',
  ],
  [
    "a token of somebody else",
    route({ jwt: { issuer: "user" } }, { issuers: { users: USERS } }),
    'routes.a.jwt: "user" is not one of users',
  ],
  [
    "an unknown key",
    route({ jwt: { scope: 1 } }),
    'routes.a.jwt: "scope" is not one of issuer, scopes, claims',
  ],
  [
    "a scope in quotes",
    route({ jwt: { issuer: "u", scopes: ['a"'] } }),
    'routes.a.jwt.scopes[0]: "a\\"" is not a scope',
  ],
  [
    "a claim of nothing",
    route({ jwt: { issuer: "u", claims: { a: [] } } }),
    "routes.a.jwt.claims.a: [] is not a value",
  ],
  ["no issuer", issuer({ issuer: undefined }), "issuers.users.issuer: undefined is not what iss has to be"],
  ["no audience", issuer({ audience: undefined }), "issuers.users.audience: undefined is not a list"],
  ["no algorithms", issuer({ algorithms: undefined }), "issuers.users.algorithms: undefined is not a list"],
  [
    "no signature",
    issuer({ algorithms: ["none"] }),
    'issuers.users.algorithms[0]: "none" is not an algorithm of public',
  ],
  [
    "a shared secret",
    issuer({ algorithms: ["HS256"] }),
    'issuers.users.algorithms[0]: "HS256" is not an algorithm of',
  ],
  ["no keys", issuer({ keys: undefined }), "issuers.users.jwks: undefined is not there without keys"],
  [
    "keys twice",
    issuer({ jwks: "https://i/jwks" }),
    'issuers.users.jwks: "https://i/jwks" is not there without keys',
  ],
  [
    "keys without TLS",
    issuer({ keys: undefined, jwks: "http://i/k" }),
    'issuers.users.jwks: "http://i/k" is not https://',
  ],
  [
    "a symmetric key",
    issuer({ keys: [{ kty: "oct", k: "AA" }] }),
    'issuers.users.keys[0]: "oct" is not a public key',
  ],
  [
    "a private key",
    issuer({ keys: [key.privateKey.export({ format: "jwk" })] }),
    'issuers.users.keys[0]: "a private key" is not a public key',
  ],
  [
    "a key that is none",
    issuer({ keys: [{ kty: "EC" }] }),
    'issuers.users.keys[0]: "EC" is not a public key (JWK) that can',
  ],
  [
    "a short key",
    issuer({ keys: [TestKey.rsa("k", 1024).jwk] }),
    'issuers.users.keys[0]: "RSA of 1024 bits" is not of at least 2048 bits',
  ],
  [
    "clocks of hours apart",
    issuer({ clockTolerance: "1h" }),
    'issuers.users.clockTolerance: "1h" is not at most 5m',
  ],
  [
    "keys kept for less than until the next look",
    issuer({ refresh: "1h", keepKeys: "10m" }),
    'issuers.users.keepKeys: "10m" is not at least refresh, 3600 s',
  ],
  [
    "a field name with a gap",
    forwarding("X User"),
    'issuers.users.forward.sub: "X User" is not a field name',
  ],
  [
    "a field that frames",
    forwarding("Content-Length"),
    'forward.sub: "Content-Length" is not a field that means nothing',
  ],
  [
    "a field of the gateway's",
    forwarding("X-Forwarded-User"),
    'forward.sub: "X-Forwarded-User" is not a field that',
  ],
  [
    "two claims in one field",
    issuer({ forward: { a: "X-A", b: "x-a" } }),
    'issuers.users.forward.b: "x-a" is not another field than those before it',
  ],
  [
    "a route by a field that clients cannot fill",
    forwarding("X-User", { headers: { x_user: "u1" } }),
    'routes.a.headers: "x_user" is not a field that clients can fill',
  ],
  [
    "users told apart by one",
    forwarding("X-User", { sticky: { header: "X-User" } }),
    'routes.a.sticky.header: "x-user" is not a field that clients can fill',
  ],
  [
    "a body held without a bound",
    route({ holdBody: true }),
    "routes.a.maxBodyBytes: 0 is not from 1 to 67108864",
  ],
  [
    "a body held beyond reason",
    route({ holdBody: true, maxBodyBytes: 1e9 }),
    "routes.a.maxBodyBytes: 1000000000 is not from 1 to 67108864",
  ],
  [
    "a schema of bodies without a bound",
    route({ bodySchema: {} }),
    "routes.a.maxBodyBytes: 0 is not from 1 to 67108864",
  ],
  [
    "a schema that is none",
    route({ bodySchema: "order.json", maxBodyBytes: 1000 }),
    'routes.a.bodySchema: "order.json" is not an object: a JSON Schema',
  ],
  [
    "a schema where a type of gRPC holds",
    route({ bodySchema: {}, maxBodyBytes: 1000, grpc: true }),
    "routes.a.bodySchema: {} is not left out where there is grpc",
  ],
  ["a body held by a word", route({ holdBody: "yes" }), 'routes.a.holdBody: "yes" is not true or false'],
  ["one field name", route({ requestHeaders: "Accept" }), 'routes.a.requestHeaders: "Accept" is not a list'],
  [
    "no field name",
    route({ answerHeaders: ["a b"] }),
    'routes.a.answerHeaders[0]: "a b" is not a field name',
  ],
  [
    "a limit of nobody",
    route({ limits: ["l"] }),
    'routes.a.limits[0]: "l" is not a limit: there are no limits',
  ],
  ["an unknown limit", route({ limits: ["m"] }, limit({})), 'routes.a.limits[0]: "m" is not one of l'],
  [
    "a limit twice",
    route({ limits: ["l", "l"] }, limit({})),
    'routes.a.limits[1]: "l" is not another than those',
  ],
  [
    "a limit by claim where there is no token",
    route({ limits: ["l"] }, limit({ key: { claim: "sub" } })),
    'routes.a.limits[0]: "l" is not a limit by address or header where there is no jwt',
  ],
  [
    "a limit of nothing",
    route({}, limit({ requests: 0 })),
    "limits.l.requests: 0 is not a whole number from 1",
  ],
  ["a window of no time", route({}, limit({ window: 0 })), "limits.l.window: 0 is not whole seconds"],
  [
    "a window of half a second",
    route({}, limit({ window: "500ms" })),
    'limits.l.window: "500ms" is not whole seconds',
  ],
  ["a limit by what is not there", route({}, limit({ key: "ip" })), 'limits.l.key: "ip" is not "address", {'],
  ["a limit in quotes", route({}, { limits: { 'a"': 1 } }), 'limits.a": "a\\"" is not a name of at most 64'],
  [
    "an unknown key of a limit",
    route({}, limit({ burst: 1 })),
    'limits.l: "burst" is not one of requests, window',
  ],
  ["no gateway", route({}, { gateways: 0 }), "gateways: 0 is not a whole number from 1 to 1000"],
  ["no origins", route({ cors: {} }), "routes.a.cors.origins: undefined is not a list, each an origin"],
  [
    "an origin with a path",
    cors({ origins: ["https://a/"] }),
    'routes.a.cors.origins[0]: "https://a/" is not an origin',
  ],
  [
    "an origin that is null",
    cors({ origins: ["null"] }),
    'routes.a.cors.origins[0]: "null" is not an origin',
  ],
  [
    "an origin in capitals",
    cors({ origins: ["https://A.b"] }),
    'routes.a.cors.origins[0]: "https://A.b" is not an origin',
  ],
  [
    "an origin for all and one",
    cors({ origins: ["*", "https://a"] }),
    'routes.a.cors.origins[0]: "*" is not an origin',
  ],
  [
    "an origin of anything",
    cors({ origins: ["https://*"] }),
    'routes.a.cors.origins[0]: "https://*" is not an origin',
  ],
  [
    "an origin as no browser writes it",
    cors({ origins: ["https://a:443"] }),
    'routes.a.cors.origins[0]: "https://a:443" is not without the scheme\'s own port',
  ],
  [
    "credentials for all",
    cors({ origins: ["*"], credentials: true }),
    'routes.a.cors.origins: ["*"] is not a list of origins where there are credentials',
  ],
  [
    "credentials with all fields",
    cors({ headers: ["*"], credentials: true }),
    'routes.a.cors.headers: ["*"] is not a list of field names where there are credentials',
  ],
  [
    "pages that send what the route does not take",
    cors({ methods: ["DELETE"] }, { methods: ["GET"] }),
    'routes.a.cors.methods: ["DELETE"] is not of the methods that the route takes, GET, HEAD',
  ],
  ["a memory of years", cors({ maxAge: "48h" }), 'routes.a.cors.maxAge: "48h" is not at most 24h'],
])(
  "GIVEN a file with %s WHEN it is checked THEN the error names path, value and what was expected, and no key",
  (_, config, said) => {
    expect(() => readConfiguration(lab.written(config))).toThrow(said);
    try {
      readConfiguration(lab.written(config));
    } catch (error) {
      expect((error as Error).message).not.toContain(key.privateKey.export({ format: "jwk" }).d);
    }
  },
);
