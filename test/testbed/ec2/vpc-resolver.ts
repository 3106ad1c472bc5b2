import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, until } from "../command";
import { startProcess } from "../network";
import { type Testbed } from "../testbed";

/** Where every VPC has its resolver, besides the address two above its own base. */
export const VPC_RESOLVER = "169.254.169.253";

/**
 * A resolver as a VPC has it: it answers public names, private zones and the names of machines, whatever address they
 * lead to, and knows nothing of DNSSEC: no signature, no key, and neither DO nor CD in a question changes that.
 * https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
 *
 * @param names address by name; a name starting with `*.` is any name below
 */
export async function startVpcResolver(
  testbed: Testbed,
  names: Readonly<Record<string, string>>,
): Promise<void> {
  const { ledger, network } = testbed;
  const directory = join(ledger.directory, "vpc-resolver");
  mkdirSync(directory);
  const conf = join(directory, "unbound.conf");
  writeFileSync(conf, resolverConf(directory, { ...machineNames(network.cidr), ...names }));
  const log = join(directory, "output.log");
  await startProcess(ledger, log, "nsenter", [
    `--net=/run/netns/${network.rack}`,
    ...["unbound", "-d", "-p", "-c", conf],
  ]);
  await until(`VPC resolver (log: ${log})`, 10_000, async () => {
    const sockets = ["netns", "exec", network.rack, "ss", "-Hlun", "src", VPC_RESOLVER];
    return (await attempt("ip", sockets)).stdout.trim() !== "" || undefined;
  });
}

/** `ip-10-77-1-11.ec2.internal`, for every machine there may be. */
function machineNames(cidr: string): Record<string, string> {
  const base = cidr.split(".").slice(0, 3);
  return Object.fromEntries(
    Array.from({ length: 250 }, (_, last) => {
      const parts = [...base, last + 4];
      return [`ip-${parts.join("-")}.ec2.internal`, parts.join(".")];
    }),
  );
}

function resolverConf(directory: string, names: Readonly<Record<string, string>>): string {
  const entries = Object.entries(names).flatMap(([name, address]) => {
    const [, below] = /^\*\.(.*)$/.exec(name) ?? [];
    const record = `  local-data: "${below ?? name}. 60 IN A ${address}"`;
    return below === undefined ? [record] : [`  local-zone: "${below}." redirect`, record];
  });
  return `server:
  username: ""
  chroot: ""
  pidfile: ""
  directory: "${directory}"
  use-syslog: no
  logfile: ""
  interface: ${VPC_RESOLVER}
  access-control: 0.0.0.0/0 allow
  module-config: "iterator"
  ignore-cd-flag: yes
  local-zone: "." static
  local-data: ". 60 IN SOA a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 60"
  local-data: ". 60 IN NS a.root-servers.net."
${entries.join("\n")}
`;
}
