import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { consulGuard, type ConsulGuardOptions } from "../../constructs/dns/consul-guard";
import { consulUnit } from "../../constructs/dns/consul-unit";
import type { DnsEndpoint } from "../../constructs/dns/dns-name";
import type { ResolverInstance } from "../../constructs/dns/unbound-files";
import type { HostFile } from "../../constructs/host";
import { unboundGuard, unboundUnit } from "../../constructs/dns/unbound-unit";

const PROGRAMS_OF_HOSTS = "/usr/local/lib/tricloud";

/**
 * What a host of the laboratory has besides its two daemons: the guards, scripts and units that real hosts get, laid
 * out below a folder of its own, and a stand-in for systemd, which cannot run in a namespace.
 */
export class DnsHost {
  readonly consulFolder: string;
  readonly resolver: ResolverInstance;

  /**
   * @param folder where everything of the host lies
   * @param address on which the host's daemons answer, where real hosts' do on 127.0.0.1
   * @param programs paths of the two daemons' programs; their companions lie beside them
   */
  constructor(
    private readonly folder: string,
    private readonly address: string,
    private readonly programs: { readonly consul: string; readonly unbound: string },
  ) {
    this.consulFolder = this.path("/etc/tricloud/consul");
    this.resolver = {
      name: `unbound-${address}`,
      folder: this.path("/run/unbound"),
      address,
      conf: this.path("/etc/unbound/unbound.conf"),
      unit: this.path(`/units/unbound-${address}.service`),
      guard: this.path("/bin/unbound-guard"),
      watch: `unbound-watch-${address}`,
      socket: this.path("/run/unbound/control.sock"),
    };
    const folders = ["/etc/tricloud/consul", "/etc/unbound", "/run/tricloud-consul", "/run/unbound"];
    for (const made of folders) mkdirSync(this.path(made), { recursive: true });
    this.writeProgram("systemctl", SYSTEMCTL);
  }

  /** Writes unit and guard of the resolver. */
  layOutResolver(forwarders: readonly DnsEndpoint[]): void {
    this.write(`/units/unbound-${this.address}.service`, unboundUnit(this.resolver));
    this.writeProgram("unbound-guard", unboundGuard(this.resolver, forwarders));
  }

  /** Writes unit and guard of the Consul agent. */
  layOutAgent(options: ConsulGuardOptions): void {
    this.write(`/units/consul-${this.address}.service`, consulUnit());
    this.writeProgram("consul-guard", consulGuard(options));
  }

  /** Writes files of a real host's profile. */
  install(files: readonly HostFile[]): void {
    for (const { path, content } of files) {
      if (content.kind !== "text") throw new Error(`${path}: expected a text, got: ${content.kind}`);
      if (dirname(path) === PROGRAMS_OF_HOSTS) this.writeProgram(basename(path), content.text);
      else this.write(path, content.text);
    }
  }

  /** Writes what lies at that path on a real host, paths and addresses in it changed to this host's. */
  write(onHost: string, text: string): void {
    const path = this.path(onHost);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, this.here(text));
  }

  /** Where on this machine the host's file lies. */
  path(onHost: string): string {
    return join(this.folder, onHost);
  }

  /** The command with the environment in which the host's programs find one another. */
  command(name: string, ...args: readonly string[]): string[] {
    const { consul, unbound } = this.programs;
    const path = [
      this.path("/bin"),
      dirname(unbound),
      dirname(consul),
      "/usr/sbin",
      "/usr/bin",
      "/sbin",
      "/bin",
    ].join(":");
    const api = `CONSUL_HTTP_ADDR=${this.address}:8500`;
    return ["env", `PATH=${path}`, api, this.path(`/bin/${name}`), ...args];
  }

  /** Tells the stand-in for systemd which process is the unit's. */
  remember(unit: "consul" | "unbound", pid: number): void {
    writeFileSync(this.pidFile(unit), `${pid}\n`);
  }

  pidFile(unit: "consul" | "unbound"): string {
    return this.path(`/units/${unit}-${this.address}.service.pid`);
  }

  private writeProgram(name: string, text: string): void {
    this.write(`/bin/${name}`, text);
    chmodSync(this.path(`/bin/${name}`), 0o755);
  }

  private here(text: string): string {
    return text
      .replaceAll("/etc/tricloud", this.path("/etc/tricloud"))
      .replaceAll("/run/tricloud-consul", this.path("/run/tricloud-consul"))
      .replaceAll("/etc/systemd/system/consul.service", this.path(`/units/consul-${this.address}.service`))
      .replaceAll(PROGRAMS_OF_HOSTS, this.path("/bin"))
      .replaceAll("/usr/bin/consul", this.programs.consul)
      .replaceAll("/usr/sbin/unbound", this.programs.unbound)
      .replaceAll("systemctl reload consul.", `systemctl reload consul-${this.address}.`)
      .replaceAll("systemctl restart consul.", `systemctl restart consul-${this.address}.`)
      .replaceAll("127.0.0.1:8500", `${this.address}:8500`);
  }
}

const SYSTEMCTL = `#!/bin/bash
# systemctl reload|restart UNIT: does what the unit's file says to the process that the laboratory started.
set -eu
unit=$(dirname "$0")/../units/$2
MAINPID=$(<"$unit.pid")
says() { sed -n "s,^$1=\\(/.*\\),\\1,p" "$unit"; }
runs() { [[ -e /proc/$MAINPID/status ]] && ! grep -q '^State:.Z' "/proc/$MAINPID/status"; }
case $1 in
  reload) eval "$(says ExecReload)" ;;
  restart)
    kill "$MAINPID"
    while runs; do sleep 0.05; done
    eval "$(says ExecStartPre)"
    eval "exec setsid $(says ExecStart) >>$unit.log 2>&1 &"
    echo $! >"$unit.pid"
    ;;
  *) echo "not known here: systemctl $*" >&2; exit 2 ;;
esac
`;
