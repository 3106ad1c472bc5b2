import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startProcess, untilListening } from "../network";
import { type Testbed } from "../testbed";
import { programFile } from "./program-file";

const PORT = 7000;

/** Notes what pods are posted, whatever becomes of them. */
export class Recorder {
  private constructor(
    /** HOST:PORT, as `web.cjs` takes it. */
    readonly address: string,
    private readonly notes: string,
  ) {}

  /** @param directory for its files */
  static async start({ ledger, network, cluster }: Testbed, directory: string): Promise<Recorder> {
    const host = cluster.network.gateway;
    const notes = join(directory, "posted");
    await startProcess(ledger, join(directory, "recorder.log"), "nsenter", [
      ...[`--net=/run/netns/${network.rack}`, process.execPath, programFile("recorder.cjs")],
      ...[host, String(PORT), notes],
    ]);
    await untilListening(network.rack, PORT);
    return new Recorder(`${host}:${PORT}`, notes);
  }

  /** What was posted, each as often as it was. */
  posted(): string[] {
    return existsSync(this.notes) ? readFileSync(this.notes, "utf8").trim().split("\n") : [];
  }
}
