import { Token } from "cdktf";
import { PEM_CERTIFICATES } from "../grammar/pem";
import { shownValue } from "../grammar/shown-value";

/** @param what whose certificates they are, for the message @throws Error when they are none */
export function checkCertificates(what: string, certificates: string | undefined): void {
  if (certificates === undefined || Token.isUnresolved(certificates) || PEM_CERTIFICATES.test(certificates))
    return;
  throw new Error(`${what}: expected PEM certificates, got: ${shownValue(certificates)}`);
}
