/** Where a delivery arrives, relative to the SSH user's home: a name under /tmp could be taken by somebody else. */
export const INCOMING = ".tricloud-incoming";

const INSTALLED = "/var/lib/tricloud/host-apply.sh";

export const PREPARE = `rm -rf ${INCOMING} && mkdir -m 0700 ${INCOMING}`;

/** Lines of one script. Without `set -e` its last command alone would decide whether the step has failed. */
export const STAGE = [
  "set -e",
  asRoot(`bash ${INCOMING}/host-apply.sh stage ${INCOMING}`),
  `rm -rf ${INCOMING}`,
];

export const ACTIVATE = asRoot(`bash ${INSTALLED} activate`);

/** Succeeds also where nothing was ever delivered. */
export const REMOVE = asRoot(`if test -x ${INSTALLED}; then bash ${INSTALLED} remove; fi`);

/** The command as root; an SSH user other than root needs password-less sudo. */
function asRoot(command: string): string {
  return `if test "$(id -u)" = 0; then ${command}; else sudo -n bash -c '${command}'; fi`;
}
