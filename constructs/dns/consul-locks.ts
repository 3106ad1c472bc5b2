import { type HostFile, type HostService, textContent } from "../host";
import { POLICY_FUNCTIONS } from "./consul-acl";
import { CONSUL_PATHS } from "./consul-files";
import { HAS_LEADER, shellApi, shellEnvironment } from "./consul-shell";
import { consulTaskUnit } from "./consul-task-unit";

/** What the keys of all locks begin with. */
export const LOCK_KEYS = "tricloud/locks/";

/** How programs of a host take locks that one of the datacenter has at a time. */
export interface LockAccess {
  /** File with a token that may take locks and nothing else. @default - none is needed */
  readonly tokenFile?: string;
}

/** The rights that taking a lock takes: to keep a session of one's own machine, and to write its key. */
export const LOCK_TOKEN_RULES = `key_prefix "${LOCK_KEYS}" {
  policy = "write"
}
session_prefix "" {
  policy = "write"
}
agent_prefix "" {
  policy = "read"
}
`;

/** Exit code of a command under a lock that it got, and that failed. */
export const FAILED_UNDER_LOCK = 2;

/**
 * A shell command that runs another one while it alone has the lock. It exits with 0 when that one does, and with
 * FAILED_UNDER_LOCK when it fails; with 1 when the lock is not had within that time, or Consul is away. What runs is
 * ended when the lock is lost.
 */
export const underLock = (
  { tokenFile }: LockAccess,
  name: string,
  waitMinutes: number,
  command: string,
): string =>
  `${tokenFile === undefined ? "" : `CONSUL_HTTP_TOKEN_FILE=${tokenFile} `}consul lock -child-exit-code -timeout=${waitMinutes}m ${LOCK_KEYS}${name} ${command}`;

const RULES = "/etc/tricloud/consul-locks.rules";
const SCRIPT = "/usr/local/lib/tricloud/consul-locks";
const UNIT = "/etc/systemd/system/tricloud-consul-locks.service";

/** What makes a server see to it that the datacenter knows the token for locks, with its rights and no more. */
export function lockUpkeep(): { files: HostFile[]; services: HostService[] } {
  return {
    files: [
      { path: RULES, content: textContent(LOCK_TOKEN_RULES) },
      { path: SCRIPT, content: textContent(LOCK_SCRIPT), mode: "0755" },
      { path: UNIT, content: textContent(LOCK_UNIT) },
    ],
    services: [
      {
        name: "tricloud-consul-locks.service",
        reads: [RULES, SCRIPT, UNIT, CONSUL_PATHS.lockToken],
      },
    ],
  };
}

const MANAGEMENT = { tokenFile: CONSUL_PATHS.managementToken };

const LOCK_SCRIPT = `#!/bin/sh
# Sees to it that Consul knows the token with which hosts take locks, once there is a leader.
set -eu
${shellEnvironment(MANAGEMENT)}${shellApi(MANAGEMENT)}
${HAS_LEADER}
${POLICY_FUNCTIONS}umask 077

until has_leader; do sleep 2; done
# While access control is being turned on, nobody knows tokens yet: this fails, and is started again until somebody does.
policy tricloud-locks ${RULES}
# The policy is every datacenter's, the token this one's.
token tricloud-locks ${CONSUL_PATHS.lockToken} true
`;

const LOCK_UNIT = consulTaskUnit({
  description: "Consul's token for locks",
  script: SCRIPT,
  wantsConsul: true,
});
