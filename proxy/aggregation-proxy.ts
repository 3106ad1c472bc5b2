import { readCommand } from "./options/command-line";
import { OptionError } from "./options/option-error";
import { type Options } from "./options/options";
import { type Program } from "./program";
import { ProxyService } from "./proxy-service";

/** The aggregation proxy, as a program of this engine. */
export const AGGREGATION_PROXY: Program<Options> = {
  metrics: { prefix: "tricloud_proxy_", own: [] },
  read: () => {
    const command = readCommand(process.argv.slice(2));
    if (command.run !== "serve") throw new OptionError("the command line does not ask for a proxy", false);
    return command.options;
  },
  make: (options, log, trust, fellows) => new ProxyService(options, log, trust, fellows),
  rehearsal: (options, origins) => ({
    options: { ...options, upstream: "", allow: ["127.0.0.1"], warm: [] },
    requests: origins.map(({ tls, port }) => ({
      host: `127.0.0.1.ccnproxy${tls ? "-https" : ""}.rehearsal:${port}`,
      path: "/",
    })),
  }),
};
