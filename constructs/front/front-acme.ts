import { Fn } from "cdktf";
import { FAILED_UNDER_LOCK, type LockAccess, underLock } from "../dns/consul-locks";
import { shellWord } from "../grammar/shell-word";
import { type HostFile, secretContent, textContent, UNIT_HARDENING } from "../host";
import { type AcmeCertificate, type AcmeDns, type DynamicUpdates, LETS_ENCRYPT } from "./acme-certificate";
import { ACME_PATHS, ACME_STATE, FRONT_PATHS, PLACEHOLDER } from "./front-paths";

/** What of an ACME certificate must be an expression, by what messages call it. */
export const acmeSecrets = ({ dns }: AcmeCertificate): Readonly<Record<string, string>> =>
  "route53" in dns
    ? { "acme.dns.route53.keyId": dns.route53.keyId, "acme.dns.route53.secretKey": dns.route53.secretKey }
    : { "acme.dns.rfc2136.secret": dns.rfc2136.secret };

export interface AcmeScriptOptions extends AcmeCertificate {
  readonly hosts: readonly string[];
  readonly lock: LockAccess;
}

/** Files of a front that orders its certificate. */
export function acmeFiles(options: AcmeScriptOptions): readonly HostFile[] {
  const { caCertificate, dns } = options;
  const credentials =
    "route53" in dns
      ? Fn.format("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", [
          dns.route53.keyId,
          dns.route53.secretKey,
        ])
      : Fn.format("RFC2136_TSIG_SECRET=%s\n", [dns.rfc2136.secret]);
  return [
    { path: ACME_PATHS.script, content: textContent(acmeScript(options)), mode: "0755" },
    { path: ACME_PATHS.unit, content: textContent(ACME_UNIT) },
    {
      path: ACME_PATHS.credentials,
      content: secretContent("front-acme-credentials", credentials),
      mode: "0400",
    },
    ...(caCertificate === undefined
      ? []
      : [{ path: ACME_PATHS.authority, content: textContent(caCertificate) }]),
  ];
}

/**
 * A program of the host that keeps its front's certificate. Needs lego, openssl and consul. Each front has a certificate
 * of its own, so that no key leaves the host that it was made on; they order one after another, under a lock, for they
 * all show the same TXT records.
 *
 * - `seed` sees to it that HAProxy finds a certificate: the one that a deploy delivered before, or one that nobody trusts.
 * - `keep` orders when it is time, for ever; `once` does that one time, and exits 2 when the authority gives none.
 * - `ends` says when the certificate ends, in seconds since 1970: 0 for one that was not ordered for these names.
 * - `placeholder` prints a certificate that nobody trusts, and its key.
 */
export function acmeScript({
  directory = LETS_ENCRYPT,
  caCertificate,
  email,
  dns,
  hosts,
  lock,
}: AcmeScriptOptions): string {
  return `#!/bin/sh
# Keeps a certificate for this front's host names. Usage: front-acme ${USAGE}
set -eu
umask 077
state=${ACME_PATHS.state}
current=$state/current
wanted=${shellWord(`${directory} ${hosts.join(" ")}`)}
${environmentOf(dns, caCertificate)}
placeholder() {
  work=$(mktemp -d)
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=${PLACEHOLDER} \\
    -keyout "$work/key" -out "$work/certificate" 2>/dev/null
  cat "$work/certificate" "$work/key"
  rm -rf "$work"
}
# In one rename, so that no reader finds a certificate with another one's key.
put() { # KIND FOR, the certificate with its key on standard input
  made=$(mktemp -d "$state/made.XXXXXXXX")
  cat >"$made/certificate.pem"
  echo "$1" >"$made/kind"
  echo "$2" >"$made/for"
  chown -R haproxy:haproxy "$made"
  sync -f "$made"
  ln -sfn "\${made##*/}" "$state/next"
  mv -T "$state/next" "$current"
  for old in "$state"/made.*; do [ "$old" = "$made" ] || rm -rf "$old"; done
}
seed() {
  [ ! -s "$current/certificate.pem" ] || return 0
  if [ -s ${FRONT_PATHS.carriedOver} ]; then
    put delivered nobody <${FRONT_PATHS.carriedOver}
  else
    placeholder | put ${PLACEHOLDER} nobody
  fi
  rm -f ${FRONT_PATHS.carriedOver}
}
date_of() { date -d "$(openssl x509 -in "$current/certificate.pem" -noout "-$1" | sed 's/^[^=]*=//')" +%s; }
is_wanted() { [ "$(cat "$current/for")" = "$wanted" ]; }
# With a third of its time left; of a short time earlier, ${EARLY_DAYS} days before its end but no earlier than half-way.
due() {
  is_wanted || return 0
  ends=$(date_of enddate)
  lasts=$((ends - $(date_of startdate)))
  early=$((lasts / 2))
  [ "$early" -lt ${EARLY_DAYS * 86_400} ] || early=${EARLY_DAYS * 86_400}
  [ "$early" -ge $((lasts / 3)) ] || early=$((lasts / 3))
  [ $((ends - $(date +%s))) -lt "$early" ]
}
ends() {
  if is_wanted; then date_of enddate; else echo 0; fi
}
order() {
  if ! lego --accept-tos --email ${shellWord(email)} --server ${shellWord(directory)} --path "$state/lego" \\
    ${providerOf(dns)} --key-type ec256 \\
    ${hosts.map((host) => `--domains ${host}`).join(" ")} run; then
    echo "front: no certificate from ${directory}; what is there goes on" >&2
    exit 1
  fi
  { cat "$state/lego/certificates/${hosts[0]}.crt"; echo; cat "$state/lego/certificates/${hosts[0]}.key"; } | put ordered "$wanted"
}
load() {
  systemctl -q is-active haproxy.service || return 0
  systemctl reload haproxy.service || return 1
  : >"$current/loaded"
}
once() {
  if due; then
    ${underLock(lock, "front-acme", LOCK_MINUTES, '"$0" order')} || return $?
  fi
  [ -e "$current/loaded" ] || load
}
keep() {
  pause=${FIRST_PAUSE_SECONDS}
  while true; do
    status=0
    once || status=$?
    case $status in
      0) pause=${FIRST_PAUSE_SECONDS} sleep=${LOOK_SECONDS} ;;
      ${FAILED_UNDER_LOCK})
        sleep=$pause pause=$((pause * 2))
        [ "$pause" -le ${LOOK_SECONDS} ] || pause=${LOOK_SECONDS}
        ;;
      *) sleep=${WITHOUT_LOCK_SECONDS} ;;
    esac
    sleep "$sleep"
  done
}
case \${1-} in
  seed | keep | once | order | ends | placeholder) "$1" ;;
  *) echo "usage: front-acme ${USAGE}" >&2; exit 2 ;;
esac
`;
}

const USAGE = "seed | keep | once | order | ends | placeholder";

/** A certificate of a short time is renewed that early; people are warned later than that. */
const EARLY_DAYS = 25;

/** How long the fronts before it may take. */
const LOCK_MINUTES = 30;

/** How often it looks whether it is time. */
const LOOK_SECONDS = 3600;

/** After an order that failed, and twice as long after each more: Let's Encrypt bears five in an hour. */
const FIRST_PAUSE_SECONDS = 300;

/** After an order that could not begin, for others have the lock or Consul has no leader. */
const WITHOUT_LOCK_SECONDS = 30;

function environmentOf(dns: AcmeDns, caCertificate: string | undefined): string {
  const {
    server,
    keyName,
    algorithm = "hmac-sha256",
  } = "rfc2136" in dns ? dns.rfc2136 : ({} as Partial<DynamicUpdates>);
  const variables = {
    ...(caCertificate === undefined ? {} : { LEGO_CA_CERTIFICATES: ACME_PATHS.authority }),
    ...("route53" in dns
      ? // Route 53 has no regions; what asks it must name one all the same.
        { AWS_REGION: "us-east-1" }
      : {
          RFC2136_NAMESERVER: server!,
          RFC2136_TSIG_KEY: keyName!,
          RFC2136_TSIG_ALGORITHM: `${algorithm}.`,
          // Each name has a record of its own: none has to wait until another one's is gone.
          RFC2136_SEQUENCE_INTERVAL: "1",
        }),
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${shellWord(value)}\n`)
    .join("");
}

/** Route 53 says itself when all of its servers know a record; elsewhere the first server says which they are. */
const providerOf = (dns: AcmeDns): string =>
  "route53" in dns ? "--dns route53 --dns.disable-cp" : `--dns rfc2136 --dns.resolvers ${dns.rfc2136.server}`;

const ACME_UNIT = `[Unit]
Description=Tricloud front's certificate (ACME)
Wants=network-online.target
After=network-online.target consul.service unbound.service
Before=haproxy.service

[Service]
Type=exec
ExecStartPre=${ACME_PATHS.script} seed
ExecStart=${ACME_PATHS.script} keep
EnvironmentFile=${ACME_PATHS.credentials}
Restart=always
RestartSec=30
StateDirectory=${ACME_STATE}
# HAProxy finds its certificate there, and may not look around.
StateDirectoryMode=0711
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER
${UNIT_HARDENING}
# It hands the certificate to HAProxy's user.
SystemCallFilter=@chown

[Install]
WantedBy=multi-user.target
`;

/** The service of its unit, which comes before HAProxy's own. */
export const acmeService = (files: readonly HostFile[]) => ({
  name: "tricloud-front-acme.service",
  reads: files.map(({ path }) => path),
});
