import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { deliveryDocument } from "../../../constructs/host/delivery-document";
import { applyProgram } from "../../../constructs/host/apply-program";
import type { Cut } from "../../e2e/host-cuts";
import { exampleProfile } from "../../e2e/host-delivery";

/** What came of a cut: the next deploy ended it, the life was over before, or what was wrong. */
export type CutResult = "ended" | "not there" | readonly string[];

export interface CutMade {
  readonly kind: Cut;
  /** The first is 1. */
  readonly step: number;
  readonly result: CutResult;
  readonly seconds: number;
}

interface Line extends CutMade {
  readonly programs: string;
}

/**
 * The cuts made of these very programs, in a file of a line each that several runs add to. Lines of other programs are
 * left as they are and count for nothing: their steps are others.
 */
export class CutRecord {
  private readonly programs = digestOfPrograms();
  private readonly cuts = new Map<string, CutMade>();

  /**
   * @param file that is read and added to. @default - nothing outlives this run
   * @throws Error naming the line that tells of no cut
   */
  constructor(private readonly file?: string) {
    const text = file !== undefined && existsSync(file) ? readFileSync(file, "utf8") : "";
    for (const line of text.split("\n").filter(Boolean)) {
      const { programs, ...made } = lineOf(line, file);
      if (programs === this.programs) this.keep(made);
    }
  }

  of(kind: Cut, step: number): CutMade | undefined {
    return this.cuts.get(`${kind} ${step}`);
  }

  add(made: CutMade): void {
    const line: Line = { programs: this.programs, ...made };
    if (this.file !== undefined) appendFileSync(this.file, `${JSON.stringify(line)}\n`);
    this.keep(made);
  }

  private keep(made: CutMade): void {
    this.cuts.set(`${made.kind} ${made.step}`, made);
  }
}

function lineOf(text: string, file: string | undefined): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    throw new Error(`record of cuts ${file}: expected a line of JSON for each cut, got: ${text}`);
  }
}

/** Of all that decides which step is which, and what is seen after it. */
function digestOfPrograms(): string {
  const root = resolve(__dirname, "../../..");
  const e2e = ["cuts", "delivery", "snapshot", "stack", "steps"].map((part) => `test/e2e/host-${part}.ts`);
  const dedicated = readdirSync(join(root, "constructs/dedicated")).map(
    (name) => `constructs/dedicated/${name}`,
  );
  const files = [...e2e, "test/e2e/traced-calls.ts", ...dedicated.sort()];
  const texts = files.map((file) => readFileSync(join(root, file), "utf8"));
  const all = [applyProgram("over-ssh"), deliveryDocument(exampleProfile()), ...texts];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 12);
}
