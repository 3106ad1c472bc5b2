import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  certificatesIn,
  newAuthority,
  newCertificate,
  newGossip,
  newTokens,
  type Variables,
} from "../../cli/secrets/consul-secrets";
import { SecretStore, variablesText } from "../../cli/secrets/secret-store";
import { SECRET_FILES } from "../../stacks/secrets/secret-files";

/** As `tricloud secrets` calls it, which can so go on where this has begun. */
const AUTHORITY_KEY = "consul-authority-key.pem";

/** What `tricloud secrets` makes, where it is missing, less the gossip key: a deploy has that from its environment. */
export function makeSecrets(directory: string, region: string): void {
  const store = new SecretStore(directory);
  const missing = (path: string): boolean => !existsSync(join(directory, path));
  if (missing(SECRET_FILES.authority)) {
    const { certificate, key } = newAuthority();
    store.add(AUTHORITY_KEY, key);
    store.add(SECRET_FILES.tokens, variablesText(newTokens()));
    store.add(SECRET_FILES.authority, variablesText({ consul_ca_certificate: certificate }));
  }
  const path = SECRET_FILES.certificate(region);
  if (!missing(path)) return;
  const { consul_ca_certificate: bundle = "" } = store.variables(SECRET_FILES.authority) ?? {};
  const authority = { certificate: certificatesIn(bundle)[0]!, key: store.text(AUTHORITY_KEY)! };
  store.add(path, variablesText(newCertificate(authority, { name: region, platform: "dedicated" })));
}

/** The values of all variables of a region alone, for whoever gives them to Terraform. */
export function regionSecrets(region: string, platform: string): Variables {
  const authority = newAuthority();
  return {
    ...newGossip(),
    ...newTokens(),
    consul_ca_certificate: authority.certificate,
    ...newCertificate(authority, { name: region, platform }),
  };
}
