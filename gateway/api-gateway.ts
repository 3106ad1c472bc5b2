import { parseArgs } from "node:util";
import { OptionError, type Program } from "../proxy/engine";
import { GatewayService } from "./gateway-service";
import { readConfiguration } from "./options/configuration";
import { checkSchemas } from "./bodies/check-schemas";
import { withDescriptors } from "./options-with-descriptors";
import { MONOLITH, type GatewayOptions } from "./options/gateway-options";
import { readRoutes } from "./options/route-values";
import { ROUTE_FAMILIES } from "./route-metrics";
import { Together, type TogetherQuestion } from "./together";

/** What the command line asks for. */
export type Command =
  | { readonly run: "help" | "version" }
  | { readonly run: "serve" | "check" | "reload"; readonly options: GatewayOptions };

/** Reads the arguments after `node tricloud-gateway.js`, and the file that they name. @throws OptionError */
export function readCommand(args: readonly string[]): Command {
  const [first, ...others] = args;
  const isReload = first === "reload";
  const { help, version, check, config, "ca-file": caFile } = flags(isReload ? others : args);
  if (help === true) return { run: "help" };
  if (version === true) return { run: "version" };
  if (config === undefined) throw new OptionError("--config: value missing", true);
  if (isReload) {
    const options = optionsOf(config);
    if (options.stateDir === "")
      throw new OptionError(`reload: "" is not a state directory (stateDir in ${config})`, false);
    return { run: first, options };
  }
  return {
    run: check === true ? "check" : "serve",
    options: optionsOf(config, caFile),
  };
}

/** What the file says, where all that it names and holds is as it must be. @throws OptionError */
function optionsOf(config: string, caFile?: string): GatewayOptions {
  const options = withDescriptors(config, readConfiguration(config, caFile));
  checkSchemas(config, options);
  return options;
}

function flags(args: readonly string[]): {
  help?: boolean;
  version?: boolean;
  check?: boolean;
  config?: string;
  "ca-file"?: string;
} {
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: { type: "string" },
        "ca-file": { type: "string" },
        check: { type: "boolean" },
        version: { type: "boolean", short: "v" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new OptionError((error as Error).message, true);
  }
}

/** The gateway, as a program of the proxy's engine. */
export const API_GATEWAY: Program<GatewayOptions> = {
  metrics: { prefix: "tricloud_gateway_", own: ROUTE_FAMILIES },
  read: () => {
    const command = readCommand(process.argv.slice(2));
    if (command.run !== "serve") throw new OptionError("the command line does not ask for a gateway", false);
    return command.options;
  },
  together: () => {
    const together = new Together();
    return (question) => together.answer(question as TogetherQuestion);
  },
  make: (options, log, trust, fellows) => new GatewayService(options, log, trust, fellows),
  rehearsal: (options, origins) => ({
    options: {
      ...options,
      issuers: [],
      limits: [],
      apis: [],
      descriptorSets: {},
      openTelemetry: [],
      services: origins.map((origin, index) => ({
        name: `${MONOLITH}-${index}`,
        keepHost: false,
        origin: { host: "127.0.0.1", ...origin },
        group: undefined,
      })),
      routes: readRoutes(
        Object.fromEntries(
          origins.map((_, index) => [
            `${index}`,
            { path: `/${index}/{client}`, service: `${MONOLITH}-${index}`, rewrite: "/rehearsal/{client}" },
          ]),
        ),
      ),
    },
    requests: origins.map((_, index) => ({ host: "rehearsal", path: `/${index}/` })),
  }),
};
