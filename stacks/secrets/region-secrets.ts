import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { type TerraformStack, TerraformVariable } from "cdktf";
import { PEER_VARIABLES } from "../proxy-peers";
import { DUE_DAYS, daysLeft, linkSecrets } from "./secret-files";

/** A stack of a region, as it is synthesised. */
type OfRegion = TerraformStack & { readonly region: { readonly name: string } };

/**
 * Has Terraform read what `tricloud secrets` has made for the regions of these stacks.
 *
 * @returns what is to be known before a deploy: values that nobody has given, certificates that are about to end
 */
export function giveSecrets(stacks: readonly OfRegion[], outdir: string): string[] {
  const found = stacks.map((stack) => {
    const declared = stack.node
      .findAll()
      .flatMap((node) => (node instanceof TerraformVariable ? [node.friendlyUniqueId] : []));
    const given = linkSecrets(stack.region.name, new Set(declared), join(outdir, "stacks", stack.node.id));
    const value = (name: string): string | undefined => given.get(name) ?? process.env[`TF_VAR_${name}`];
    const missing = declared.filter((name) => MADE.test(name) && value(name) === undefined);
    const certificates = Object.entries(CERTIFICATES).flatMap(([name, of]) => {
      const certificate = declared.includes(name) ? value(name) : undefined;
      return certificate === undefined ? [] : [{ of, certificate }];
    });
    return { id: stack.node.id, missing, certificates };
  });
  // cdktf's command line keeps what Terraform alone is to have from whoever synthesises.
  const isUnderCdktf = process.env["CDKTF_OUTDIR"] !== undefined;
  const without = found.filter(({ missing }) => missing.length > 0 && !isUnderCdktf);
  const names = [...new Set(without.flatMap(({ missing }) => missing))];
  return [
    ...(without.length === 0
      ? []
      : [
          `${without.map(({ id }) => id).join(", ")}: Terraform refuses a deploy without ${names.join(", ")}: ` +
            '"npx tricloud secrets" makes them',
        ]),
    ...found.flatMap(({ id, certificates }) =>
      certificates.flatMap(({ of, certificate }) => aboutToEnd(id, of, certificate)),
    ),
  ];
}

/** Names of the variables whose values the command makes. */
const MADE =
  /^(consul_(gossip_key|ca_certificate|server_certificate|server_key|\w+_token)|proxy_peer_(certificate|key))$/;

/** Variables of certificates that the command makes, and whose each is. */
const CERTIFICATES = {
  consul_server_certificate: "Consul's servers",
  [PEER_VARIABLES.certificate]: "the proxies for other regions",
};

/** What is no certificate is refused by Terraform, by its name. */
function aboutToEnd(stack: string, of: string, certificate: string): string[] {
  let until: Date;
  try {
    until = new Date(new X509Certificate(certificate).validTo);
  } catch {
    return [];
  }
  const left = daysLeft(until);
  if (left > DUE_DAYS) return [];
  const day = until.toISOString().slice(0, 10);
  return [
    `${stack}: the certificate of ${of} ${left < 0 ? "has ended" : "ends"} on ${day}: ` +
      '"npx tricloud secrets --renew" makes another one',
  ];
}
