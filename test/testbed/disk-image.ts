import { mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { attempt, run, until } from "./command";
import { type Ledger } from "./ledger";

/** A disk whose file system keeps, when the power goes, what was synced and no more. */
export class DiskImage {
  private constructor(
    private readonly file: string,
    private readonly mountPoint: string,
  ) {}

  /** Makes a disk of that many megabytes, in use only as far as it is written to, and mounts it. */
  static async create(ledger: Ledger, mountPoint: string, megabytes: number): Promise<DiskImage> {
    // Not where the mount point is: any process that was started elsewhere meanwhile holds on to the disk for a while.
    const disk = new DiskImage(join(ledger.directory, `${basename(mountPoint)}.img`), mountPoint);
    mkdirSync(mountPoint);
    await run("truncate", ["-s", `${megabytes}M`, disk.file]);
    await run("mkfs.ext4", ["-q", "-F", disk.file]);
    ledger.record({ kind: "mount", path: mountPoint });
    await disk.mount();
    return disk;
  }

  /**
   * Goes back to what the disk itself holds at this moment, without what unmounting would add.
   *
   * @param inUse mount point of what stands on the disk's file system; it is not mounted afterwards
   */
  async losePower(inUse: string): Promise<void> {
    await run("cp", ["--sparse=always", this.file, `${this.file}.cut`]);
    for (const path of [inUse, this.mountPoint]) {
      await until(
        `${path} unmounted`,
        20_000,
        async () => (await attempt("umount", [path])).code === 0 || undefined,
      );
    }
    renameSync(`${this.file}.cut`, this.file);
    await this.mount();
  }

  private async mount(): Promise<void> {
    // The kernel is in no hurry: what nobody syncs stays in memory for a minute.
    await run("mount", ["-o", "loop,commit=60", this.file, this.mountPoint]);
  }
}
