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
    /** Attributes as they are; null for what is created. */
    readonly before?: Attributes | null;
    /** Attributes as they will be, without those that are not known yet; null for what is destroyed. */
    readonly after?: Attributes | null;
    /** `true` at the place of each that is not known yet. */
    readonly after_unknown?: Attributes;
    /** Paths whose change forces a replacement. */
    readonly replace_paths?: ReadonlyArray<ReadonlyArray<string | number>>;
  };
}

export type Attributes = Readonly<Record<string, unknown>>;

export type Action = "no-op" | "create" | "read" | "update" | "delete";
