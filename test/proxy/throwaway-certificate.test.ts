import { X509Certificate } from "node:crypto";
import { type AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { throwawayCertificate } from "../../proxy/throwaway-certificate";

test("GIVEN a throwaway certificate THEN OpenSSL reads it: for 127.0.0.1, by its authority, valid now", () => {
  const { cert, ca } = throwawayCertificate();
  const [certificate, authority] = [new X509Certificate(cert), new X509Certificate(ca)];
  expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(certificate.checkIP("127.0.0.2")).toBeUndefined();
  expect([certificate.checkIssued(authority), certificate.verify(authority.publicKey)]).toEqual([true, true]);
  expect(new Date(certificate.validFrom).getTime()).toBeLessThan(Date.now());
  expect(new Date(certificate.validTo).getTime()).toBeGreaterThan(Date.now());
});

test("GIVEN a server with it WHEN a client trusts it THEN they shake hands, and with another's they do not", async () => {
  const [own, other] = [throwawayCertificate(), throwawayCertificate()];
  const server = createServer(own).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const shake = (ca: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, ca });
      let outcome = "trusted";
      socket.once("secureConnect", () => socket.destroy());
      socket.once("error", (error) => (outcome = error.message));
      socket.once("close", () => resolve(outcome));
    });
  try {
    expect(await shake(own.ca)).toBe("trusted");
    expect(await shake(other.ca)).toMatch(/self-signed certificate|signature/);
  } finally {
    server.close();
  }
});
