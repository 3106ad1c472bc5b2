import { plainFieldName } from "./field-names";

/** Fields that clients say nothing in: those that this hop fills itself, however their names are written. */
export class GuardedFields {
  /** Letters that their names begin with. */
  readonly initials: string;
  private readonly names: ReadonlySet<string>;

  constructor(fields: readonly string[]) {
    this.names = new Set(fields.map(plainFieldName));
    this.initials = [...new Set([...this.names].map((name) => name.charAt(0)))].join("");
  }

  has(name: string): boolean {
    return this.names.has(plainFieldName(name));
  }
}
