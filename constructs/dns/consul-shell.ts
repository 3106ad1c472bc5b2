/**
 * A shell function `api PATH [CURL OPTIONS]` that asks the machine's own agent. The token is read from a file and
 * handed over on standard input: a command line is for everybody to see.
 */
export function shellApi(tokenFile: string | undefined): string {
  const request = '"$@" "http://127.0.0.1:8500/v1/$path"';
  const call =
    tokenFile === undefined
      ? `curl -sS -m 5 ${request}`
      : `printf 'X-Consul-Token: %s\\n' "$(cat ${tokenFile})" | curl -sS -m 5 -H @- ${request}`;
  return `api() { # PATH [CURL OPTIONS]
  path=$1
  shift
  ${call}
}`;
}

/** A line that lets the `consul` command use the token of that file. */
export const shellToken = (tokenFile: string | undefined): string =>
  tokenFile === undefined ? "" : `export CONSUL_HTTP_TOKEN_FILE=${tokenFile}\n`;
