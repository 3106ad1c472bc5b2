/** The parts of Terraform's plan in JSON that summaries are made of. */
export interface PlanJson {
  readonly resource_changes?: readonly ResourceChange[];
}

export interface ResourceChange {
  readonly address: string;
  readonly mode: "managed" | "data";
  readonly type: string;
  readonly change: {
    readonly actions: readonly Action[];
    /** Paths whose change forces a replacement. */
    readonly replace_paths?: ReadonlyArray<ReadonlyArray<string | number>>;
  };
}

export type Action = "no-op" | "create" | "read" | "update" | "delete";
