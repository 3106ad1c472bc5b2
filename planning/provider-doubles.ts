import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Provider, ProviderDouble } from "./double/provider-double";
import { ProviderServer, reattachVariable } from "./double/provider-server";
import { HINTS } from "./hints";
import { type ProviderHints } from "./hints/hints";
import { applyHints } from "./schema/apply-hints";
import { findBindings } from "./schema/binding-source";
import { deriveProviderSchema, deriveSchema } from "./schema/derive";
import { type Block, type ProviderSchema } from "./schema/schema";
import { type SynthesizedStack } from "./stack/synthesized-stacks";
import { type UsedProvider, addressesOf, deployedIn, usedProviders } from "./stack/used-types";

/** Doubles of all providers that a set of stacks uses, served from this process. */
export class ProviderDoubles {
  private constructor(
    private readonly servers: ReadonlyArray<{
      readonly provider: UsedProvider;
      readonly server: ProviderServer;
    }>,
  ) {}

  /**
   * @param states paths of the state files that the stacks start from
   * @param directory made to hold the sockets; its path must be short
   * @param resolveFrom directories to find bindings from, the first that has them wins
   * @param served what answers in a double's place, by the provider's name
   */
  public static async start(
    stacks: readonly SynthesizedStack[],
    states: Iterable<string>,
    directory: string,
    resolveFrom: readonly string[],
    served: (provider: string, double: ProviderDouble) => Provider = (_, double) => double,
  ): Promise<ProviderDoubles> {
    mkdirSync(directory);
    const files = [...states];
    const deployed = deployedIn(files);
    const servers = [];
    for (const provider of usedProviders(stacks, files).values()) {
      const hints = HINTS[provider.name] ?? {};
      const schema = providerSchema(provider, hints, resolveFrom);
      const double = new ProviderDouble(provider.name, schema, hints, deployed);
      const server: ProviderServer = new ProviderServer(
        served(provider.name, double),
        join(directory, String(servers.length)),
      );
      servers.push({ provider, server });
    }
    await Promise.all(servers.map(({ server }) => server.listen()));
    return new ProviderDoubles(servers);
  }

  /** The value of TF_REATTACH_PROVIDERS for these doubles. */
  public get reattach(): string {
    const sockets = this.servers.flatMap(({ provider, server }) =>
      addressesOf(provider).map((address) => [address, server.socket] as const),
    );
    return reattachVariable(new Map(sockets));
  }

  public close(): void {
    for (const { server } of this.servers) server.close();
  }
}

/** The schema of a provider with the types in use. A type it does not have is left to Terraform to report. */
function providerSchema(
  used: UsedProvider,
  hints: ProviderHints,
  resolveFrom: readonly string[],
): ProviderSchema {
  const bindings = findBindings(used.name, resolveFrom);
  const derive = (types: Iterable<string>, kind: "resource" | "data"): Record<string, Block> => {
    const found: Record<string, Block> = {};
    for (const type of types) {
      const name = kind === "data" ? `data.${type}` : type;
      const block = deriveSchema(bindings, type, kind);
      if (block !== undefined) found[type] = applyHints(block, hints[name], name);
    }
    return found;
  };
  return {
    provider: applyHints(deriveProviderSchema(bindings), hints["provider"], `provider ${used.name}`),
    resources: derive(used.resources, "resource"),
    dataSources: derive(used.dataSources, "data"),
  };
}
