import { mkdirSync, renameSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
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
    // Whole from the first, or the kernel goes on making it for minutes.
    await run("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", disk.file]);
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
    await this.copy(`${this.file}.cut`);
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

  /** One moment of the disk: copied anew where the kernel wrote to it meanwhile, for whatever reason of its own. */
  private async copy(to: string): Promise<void> {
    const device = basename((await run("findmnt", ["-no", "SOURCE", this.mountPoint])).trim());
    const written = async () => {
      const counts = (await readFile(`/sys/block/${device}/stat`, "utf8")).trim().split(/ +/);
      return { sectors: counts[6], underWay: counts[8] };
    };
    await until(`${this.file} copied while nothing is written to it`, 60_000, async () => {
      const before = await written();
      await run("cp", ["--sparse=always", this.file, to]);
      const after = await written();
      return isDeepStrictEqual([before, after], [after, { ...after, underWay: "0" }]) || undefined;
    });
  }

  private async mount(): Promise<void> {
    // The kernel is in no hurry: what nobody syncs stays in memory for a minute.
    await run("mount", ["-o", "loop,commit=60", this.file, this.mountPoint]);
  }
}
