import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { issueServer, makeAuthority } from "../../../certificates/x509";
import { readCommand } from "../../../proxy/options/command-line";
import { scratch } from "../proxy-process";

const directory = scratch();
const HOUR_MS = 3_600_000;
const from = new Date(Date.now() - HOUR_MS);
const until = new Date(Date.now() + HOUR_MS);

const authority = makeAuthority({ name: "regions", from, until });
const issued = (name: string) => issueServer(authority, { name, dnsNames: [name], from, until });

const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

const own = issued("proxy.jp.consul");
const FILES = {
  peerCertFile: file("cert.pem", own.certificate),
  peerKeyFile: file("key.pem", own.key),
  peerCaFile: file("ca.pem", authority.certificate),
};
const PEER = { url: "https://192.0.2.1:8443", peer: "proxy.us.consul" };
const ASKED = { groups: { "search.ccnproxy-service": [PEER] } };
const SERVED = { peerListen: "127.0.0.1:8443", peerNames: ["proxy.us.consul"] };

const read = (options: object) =>
  readCommand(["--config", file("proxy.json", JSON.stringify({ allowAny: true, ...options }))]);

test.each([
  ["asked", { ...FILES, ...ASKED }],
  ["served", { ...FILES, ...SERVED }],
])("GIVEN proxies of other regions that are %s WHEN the options are read THEN they hold", (_, options) => {
  expect(read(options)).toMatchObject({ run: "serve" });
});

const IDENTITY = "peerCertFile, peerKeyFile, peerCaFile: expected a certificate, its key and authorities: ";

test.each<[string, object, ...string[]]>([
  [
    "a service for other regions that would lead on to another",
    { ...FILES, ...SERVED, groups: { "search.ccnproxy-peer": ["http://192.0.2.2", PEER] } },
    "groups.search.ccnproxy-peer: what other regions ask for is answered here: expected no origin with a peer",
  ],
  [
    "nobody to serve",
    { ...FILES, peerListen: "127.0.0.1:8443" },
    "peerNames: [] is not at least one name of proxies that peerListen serves",
  ],
  [
    "no groups to serve",
    { ...FILES, ...SERVED, allowAny: false, upstream: "http://192.0.2.2" },
    'peerListen: "127.0.0.1:8443" serves groups, and upstream has none',
  ],
  ["a port alone", { ...FILES, ...SERVED, peerListen: "8443" }, 'peerListen: "8443" is not address:port'],
  [
    "an address as a name",
    { ...FILES, ...SERVED, peerNames: ["192.0.2.1"] },
    'peerNames[0]: "192.0.2.1" is not a name, e.g. proxy.us.consul',
  ],
  ["no certificate to show who serves", SERVED, IDENTITY, "ENOENT"],
  ["no certificate to show whom it asks", ASKED, IDENTITY, "ENOENT"],
  [
    "a file that is not there",
    { ...FILES, ...SERVED, peerCaFile: join(directory, "none.pem") },
    IDENTITY,
    "ENOENT",
  ],
  [
    "the key of another certificate",
    { ...FILES, ...SERVED, peerKeyFile: file("other-key.pem", issued("proxy.uk.consul").key) },
    IDENTITY,
    "key values mismatch",
  ],
  [
    "what is no certificate",
    { ...FILES, ...SERVED, peerCertFile: file("none-cert.pem", "certificate\n") },
    IDENTITY,
    "no start line",
  ],
  [
    "no authority",
    { ...FILES, ...SERVED, peerCaFile: file("no-ca.pem", "") },
    "peerCaFile: ",
    "is not a PEM file with a certificate",
  ],
])(
  "GIVEN %s WHEN the options are read THEN the error names file, option and what was expected",
  (_, options, ...problem) => {
    for (const part of [join(directory, "proxy.json"), ...problem]) expect(() => read(options)).toThrow(part);
  },
);
