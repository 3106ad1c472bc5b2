import { DescriptorError } from "../descriptors/descriptor-error";
import { canonical } from "../routes/path-pattern";
import { type Binding } from "./binding";
import { valueOf } from "./path-template";

/** A binding that takes a request, and what its variables hold. */
export interface FoundBinding {
  readonly binding: Binding;
  readonly values: readonly string[];
}

/** What there is for a path. */
export interface Lookup {
  readonly found: FoundBinding | undefined;
  /** HTTP methods by which there would be something, where there is nothing by the one that was asked for. */
  readonly allowed: readonly string[];
}

const ANY = "*";

/** Bindings by path: the cost of a look-up is that of the path's segments, however many there are. */
export class MethodTable {
  private readonly root = new TemplateNode();

  /**
   * @param others what stands back where one of `bindings` takes the same requests
   * @throws DescriptorError where two of `bindings` do
   */
  constructor(bindings: readonly Binding[], others: readonly Binding[] = []) {
    for (const binding of bindings) {
      const rival = this.root.add(binding);
      if (rival !== undefined) throw sameRequests(binding, rival);
    }
    for (const binding of others) this.root.add(binding);
  }

  /**
   * The binding that takes a request: a text in a path comes before `*`, and that before `**`; one with a verb before
   * one that takes it for part of a segment.
   */
  find(httpMethod: string, path: string): Lookup {
    const segments = path.slice(1).split("/");
    const last = segments.at(-1)!;
    const colon = last.lastIndexOf(":");
    const allowed: string[] = [];
    const take = (bindings: readonly Binding[], among: readonly string[]): FoundBinding | undefined => {
      const binding =
        bindings.find((each) => takes(each, httpMethod)) ?? bindings.find((each) => each.httpMethod === ANY);
      if (binding === undefined) {
        allowed.push(...bindings.map((each) => each.httpMethod));
        return undefined;
      }
      const values = binding.variables.map(({ variable }) => valueOf(variable, among));
      return values.includes(undefined) ? undefined : { binding, values: values as string[] };
    };
    if (colon >= 0) {
      const before = [...segments.slice(0, -1), last.slice(0, colon)];
      const found = this.root.find(before, 0, canonical(last.slice(colon + 1)), take);
      if (found !== undefined) return { found, allowed: [] };
    }
    const found = this.root.find(segments, 0, "", take);
    return { found, allowed: found === undefined ? [...new Set(allowed)] : [] };
  }
}

function sameRequests({ method, httpMethod }: Binding, rival: Binding): DescriptorError {
  return new DescriptorError(
    `${method.method.parent.file.proto.name}: ${method.name}: google.api.http: ` +
      `${httpMethod} is there for ${rival.method.name} already, with the same path`,
  );
}

/** Who takes GET takes HEAD. */
const takes = ({ httpMethod }: Binding, asked: string): boolean =>
  httpMethod === asked || (asked === "HEAD" && httpMethod === "GET");

type Take = (bindings: readonly Binding[], segments: readonly string[]) => FoundBinding | undefined;

/** What is known of all templates that begin with the same segments. */
class TemplateNode {
  private readonly byText = new Map<string, TemplateNode>();
  private any: TemplateNode | undefined;
  /** By verb: bindings whose template ends here, and those that take all that follows. */
  private readonly ending = new Map<string, Binding[]>();
  private readonly deep = new Map<string, Binding[]>();

  /** @returns one that takes the same requests; then it is not added */
  add(binding: Binding): Binding | undefined {
    const { segments, verb } = binding.template;
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    let node: TemplateNode = this;
    let ends = "ending" as "ending" | "deep";
    for (const segment of segments) {
      if (segment === "**") ends = "deep";
      else node = segment === ANY ? (node.any ??= new TemplateNode()) : node.under(segment);
    }
    const bindings = node[ends].get(verb) ?? [];
    const rival = bindings.find(({ httpMethod }) => httpMethod === binding.httpMethod);
    if (rival === undefined) node[ends].set(verb, [...bindings, binding]);
    return rival;
  }

  /** @param at the segment that is next */
  find(segments: readonly string[], at: number, verb: string, take: Take): FoundBinding | undefined {
    if (at === segments.length) {
      const found = take(this.ending.get(verb) ?? [], segments);
      if (found !== undefined) return found;
    } else {
      const segment = segments[at]!;
      const found =
        this.byText.get(canonical(segment))?.find(segments, at + 1, verb, take) ??
        (segment === "" ? undefined : this.any?.find(segments, at + 1, verb, take));
      if (found !== undefined) return found;
    }
    return take(this.deep.get(verb) ?? [], segments);
  }

  private under(segment: string): TemplateNode {
    let node = this.byText.get(segment);
    if (node === undefined) this.byText.set(segment, (node = new TemplateNode()));
    return node;
  }
}
