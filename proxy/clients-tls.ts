import { type TlsOptions } from "node:tls";

/** How TLS is spoken with clients, whoever they are. @param readTimeout seconds that a handshake may take */
export const clientsTls = (readTimeout: number): TlsOptions => ({
  ALPNProtocols: ["h2", "http/1.1"],
  handshakeTimeout: readTimeout * 1000,
  noDelay: true,
  allowHalfOpen: true,
});
