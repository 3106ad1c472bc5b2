import { Token } from "cdktf";
import { packageFields } from "./package-version";
import type {
  AptSource,
  FileContent,
  HostFile,
  HostProfile,
  HostProfilePart,
  HostService,
} from "./host-profile";

/** Gathers what several constructs want on one host and refuses contradictions. */
export class HostProfileBuilder {
  private readonly aptSources = new Map<string, AptSource>();
  private readonly packages = new Map<string, string>();
  private readonly files = new Map<string, HostFile>();
  private readonly services = new Map<string, HostService>();

  /** @param hostName used in error messages only */
  constructor(private readonly hostName: string) {}

  /**
   * Adds `part`. The same thing asked for twice counts once; services keep the order in which they came, and one
   * that several parts describe alike reads the files of all of them.
   *
   * @throws Error when two parts put different things at one path, under one apt source or in one service, or
   *   when a path or mode is malformed.
   */
  add(part: HostProfilePart): void {
    for (const source of part.aptSources ?? [])
      this.merge(this.aptSources, "apt source", source.name, source);
    for (const wanted of part.packages ?? []) this.addPackage(wanted);
    for (const file of part.files ?? []) {
      this.checkFile(file);
      this.merge(this.files, "file", file.path, file);
    }
    for (const service of part.services ?? []) this.addService(service);
  }

  private addPackage(wanted: string): void {
    const { name, version } = packageFields(wanted);
    const present = packageFields(this.packages.get(name) ?? name).version;
    if (present !== undefined && version !== undefined && present !== version) {
      throw new Error(
        `host ${this.hostName}: package ${name} is asked for twice, in version ${present} and ${version}`,
      );
    }
    if (present === undefined) this.packages.set(name, wanted);
  }

  private addService(service: HostService): void {
    const present = this.services.get(service.name);
    const reads = [...new Set([...(present?.reads ?? []), ...service.reads])];
    if (present !== undefined) this.services.set(service.name, { ...present, reads });
    this.merge(this.services, "service", service.name, { ...service, reads });
  }

  /**
   * The profile as gathered so far.
   *
   * @throws Error when a service reads a file that no part provides.
   */
  build(): HostProfile {
    for (const service of this.services.values()) {
      const missing = service.reads.find((path) => !this.files.has(path));
      if (missing !== undefined) {
        throw new Error(
          `host ${this.hostName}: service ${service.name} reads ${missing}, which is not among the host's files`,
        );
      }
    }
    return {
      aptSources: [...this.aptSources.values()],
      packages: [...this.packages.values()].sort(),
      files: [...this.files.values()],
      services: [...this.services.values()],
    };
  }

  private merge<T>(into: Map<string, T>, kind: string, key: string, value: T): void {
    const present = into.get(key);
    if (present !== undefined && JSON.stringify(present) !== JSON.stringify(value)) {
      throw new Error(`host ${this.hostName}: ${kind} ${key} is asked for twice with different content`);
    }
    into.set(key, value);
  }

  private checkFile(file: HostFile): void {
    if (!/^\/[^\s'"\\]*[^/\s'"\\]$/.test(file.path) || file.path.includes("/../")) {
      throw new Error(
        `host ${this.hostName}: a file's path must be absolute and without spaces or quotes, got: ${JSON.stringify(file.path)}`,
      );
    }
    if (file.mode !== undefined && !/^0[0-7]{3}$/.test(file.mode)) {
      throw new Error(
        `host ${this.hostName}: mode of ${file.path} must be four octal digits such as "0644", got: ${JSON.stringify(file.mode)}`,
      );
    }
    checkContent(this.hostName, file.path, file.content);
  }
}

function checkContent(hostName: string, path: string, content: FileContent): void {
  if (content.kind === "secret" && !Token.isUnresolved(content.value)) {
    // The value itself stays out of the message.
    throw new Error(
      `host ${hostName}: secret ${content.name} for ${path} must be a Terraform expression, got: a literal`,
    );
  }
  if (content.kind === "asset" && !/^[0-9a-f]{64}$/.test(content.sha256)) {
    throw new Error(
      `host ${hostName}: sha256 of ${path} must be 64 hex digits, got: ${JSON.stringify(content.sha256)}`,
    );
  }
}
