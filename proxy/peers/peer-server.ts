import { constants, X509Certificate } from "node:crypto";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { clientsTls } from "../clients-tls";
import { type PeerFiles, peerIdentity } from "./peer-context";
import { knowPeer } from "./peer-sockets";

/** Whom a listener for other regions' proxies tells of them. */
export interface PeerDoor {
  /** Names that are let in, as they are now. */
  names(): readonly string[];
  admitted(socket: TLSSocket): void;
  refused(address: string | undefined, problem: string): void;
}

/** No ticket: each connection shows its certificate, so that one that has ended or is trusted no more opens no door. */
const NO_TICKETS = { secureOptions: constants.SSL_OP_NO_TICKET };

/**
 * A listener that lets in whoever shows a certificate by the authorities, valid now, with one of the names.
 *
 * @throws Error of file system or OpenSSL
 */
export function peerServer(options: PeerFiles & { readonly readTimeout: number }, door: PeerDoor): Server {
  const server = createServer(
    {
      ...peerIdentity(options),
      ...NO_TICKETS,
      requestCert: true,
      rejectUnauthorized: true,
      ...clientsTls(options.readTimeout),
    },
    (socket) => {
      const shown = namesIn(socket);
      const name = door.names().find((each) => shown.includes(each));
      if (name === undefined) {
        door.refused(
          socket.remoteAddress,
          `its certificate has ${shown.join(", ") || "no name"}, expected one of ${door.names().join(", ")}`,
        );
        socket.destroy();
        return;
      }
      knowPeer(socket, name);
      door.admitted(socket);
    },
  );
  // Node only tells.
  server.on("tlsClientError", (error, socket) => {
    door.refused(socket.remoteAddress, error.message);
    socket.destroy();
  });
  return server;
}

/** New connections are shown, and must show, what the files hold now. @throws Error of file system or OpenSSL */
export function renewCertificates(server: Server, files: PeerFiles): void {
  server.setSecureContext({ ...peerIdentity(files), ...NO_TICKETS });
}

/** DNS names of the certificate that the other end has shown. */
function namesIn(socket: TLSSocket): readonly string[] {
  const { raw } = socket.getPeerCertificate();
  const alternatives = raw === undefined ? undefined : new X509Certificate(raw).subjectAltName;
  return (alternatives ?? "").split(", ").flatMap((each) => (each.startsWith("DNS:") ? [each.slice(4)] : []));
}
