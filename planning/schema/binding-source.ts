import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Where the prebuilt CDKTF bindings of one provider lie, e.g. `@cdktf/provider-aws` for `aws`.
 */
export interface BindingPackage {
  /** Provider name as in resource types' prefix: `aws`. */
  readonly provider: string;
  /** Directory that holds one directory per resource and data source. */
  readonly lib: string;
}

/**
 * Finds the bindings of a provider among the packages that the given directories can see.
 *
 * @param provider e.g. `aws`
 * @param from directories to resolve from, the first that has the package wins
 */
export function findBindings(provider: string, from: readonly string[]): BindingPackage {
  const name = `@cdktf/provider-${provider}`;
  try {
    return {
      provider,
      lib: join(dirname(require.resolve(`${name}/package.json`, { paths: [...from] })), "lib"),
    };
  } catch {
    throw new Error(
      `no bindings for provider "${provider}": ${name} is not installed (looked from ${from.join(", ")}); ` +
        `add it with: npm install ${name}`,
    );
  }
}

/**
 * The TypeScript text the bindings of one type were compiled from, which the published JavaScript
 * carries in its source map. Unlike the compiled code it still says of every attribute whether it
 * is computed, optional or required. A large type is spread over several files; they are joined.
 *
 * @param directory e.g. `instance` or `data-aws-ami`, or undefined when there is no such type
 */
export function bindingSource(bindings: BindingPackage, directory: string): string | undefined {
  const root = join(bindings.lib, directory);
  const main = join(root, "index.js");
  if (!existsSync(main)) return undefined;
  const structs = join(root, "index-structs");
  const parts = existsSync(structs)
    ? readdirSync(structs)
        .filter((file) => /^structs\d+\.js$/.test(file))
        .map((file) => join(structs, file))
    : [];
  return [...parts, main].map(embeddedSource).join("\n");
}

/** Names of the directories a type may lie in; names that collide with reserved words get a suffix. */
export function bindingDirectories(provider: string, type: string, kind: "resource" | "data"): string[] {
  const bare = type.startsWith(`${provider}_`) ? type.slice(provider.length + 1) : type;
  const base = (kind === "data" ? `data_${type}` : bare).replace(/_+/g, "-");
  return [base, `${base}-resource`];
}

const MAP_MARK = "//# sourceMappingURL=data:application/json;base64,";

function embeddedSource(file: string): string {
  const text = readFileSync(file, "latin1");
  const at = text.lastIndexOf(MAP_MARK);
  if (at < 0) throw new Error(`${file} carries no source map, so its schema cannot be read from it`);
  const map = JSON.parse(Buffer.from(text.slice(at + MAP_MARK.length), "base64").toString("utf8")) as {
    sourcesContent?: string[];
  };
  const source = map.sourcesContent?.[0];
  if (source === undefined) throw new Error(`the source map of ${file} holds no source text`);
  return source;
}
