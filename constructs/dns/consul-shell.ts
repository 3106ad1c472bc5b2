/** The agent that a script talks to, and as whom. */
export interface ShellAgent {
  /** Where its HTTP API is. @default - the machine's own agent */
  readonly url?: string;
  /** File with the authority that its certificate is checked against. @default - there is no certificate */
  readonly caFile?: string;
  /** File with a token. @default - none is needed */
  readonly tokenFile?: string;
}

/**
 * A shell function `api PATH [CURL OPTIONS]` that asks the agent. The token is read from a file and handed over on
 * standard input: a command line is for everybody to see.
 */
export function shellApi({ url = "http://127.0.0.1:8500", caFile, tokenFile }: ShellAgent): string {
  const curl = `curl -sS -m 5${caFile === undefined ? "" : ` --cacert ${caFile}`}`;
  const request = `"$@" "${url}/v1/$path"`;
  const call =
    tokenFile === undefined
      ? `${curl} ${request}`
      : `printf 'X-Consul-Token: %s\\n' "$(cat ${tokenFile})" | ${curl} -H @- ${request}`;
  return `api() { # PATH [CURL OPTIONS]
  path=$1
  shift
  ${call}
}`;
}

/** Lines that lead the `consul` command to the agent. */
export function shellEnvironment({ url, caFile, tokenFile }: ShellAgent): string {
  const variables = { CONSUL_HTTP_ADDR: url, CONSUL_CACERT: caFile, CONSUL_HTTP_TOKEN_FILE: tokenFile };
  return Object.entries(variables)
    .flatMap(([name, value]) => (value === undefined ? [] : [`export ${name}=${value}\n`]))
    .join("");
}

/** A shell function; needs `api`. */
export const HAS_LEADER = `has_leader() { leader=$(api status/leader -f 2>/dev/null) && [ "$leader" != '""' ]; }`;
