import { X509Certificate } from "node:crypto";
import { type AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { throwawayCertificate } from "../../proxy/throwaway-certificate";

test("GIVEN a throwaway certificate THEN OpenSSL reads it: for 127.0.0.1, self-signed, valid now", () => {
  const certificate = new X509Certificate(throwawayCertificate().cert);
  expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(certificate.checkIP("127.0.0.2")).toBeUndefined();
  expect(certificate.verify(certificate.publicKey)).toBe(true);
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
  expect(await shake(own.cert)).toBe("trusted");
  expect(await shake(other.cert)).toMatch(/self-signed certificate|signature/);
  server.close();
});
