import cluster from "node:cluster";
import { OptionError, run, tellToReload, VERSION, work } from "../proxy/engine";
import { API_GATEWAY, type Command, readCommand } from "./api-gateway";
import { tellLeft } from "./moving/left-in-monolith";

const USAGE = `Usage: tricloud-gateway [reload] --config FILE [--check]

Sends requests to services by host, path, method and header; what no route takes goes to the monolith.

With reload, has the gateway that runs with this file's stateDir read it again, and ends when it serves by it; exit 100
where nothing but a restart brings what it says.

Options:
      --config FILE  JSON file of services, routes and all else (docs/gateway.md); read again at SIGHUP
      --ca-file FILE authorities trusted besides the usual ones, in place of the file's caFile
      --check        check the file, tell what is left in the monolith, and exit
  -v, --version      show the version
  -h, --help         show this help
`;

function fail(error: unknown): never {
  process.stderr.write(`tricloud-gateway: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

function command(): Command {
  try {
    return readCommand(process.argv.slice(2));
  } catch (error) {
    if (error instanceof OptionError && error.usage) process.stderr.write(USAGE);
    fail(error);
  }
}

// What a worker runs with is its supervisor's business: the file may have changed since.
const asked: Command | { run: "work" } = cluster.isWorker ? { run: "work" } : command();
switch (asked.run) {
  case "work":
    work(API_GATEWAY).catch(fail);
    break;
  case "help":
    process.stdout.write(USAGE);
    break;
  case "version":
    process.stdout.write(`tricloud-gateway ${VERSION}\nNode ${process.version}\n`);
    break;
  case "check":
    process.stdout.write(`configuration is valid\n${tellLeft(asked.options)}\n`);
    break;
  case "reload":
    void tellToReload("tricloud-gateway", asked.options.stateDir);
    break;
  case "serve":
    run(API_GATEWAY, asked.options).catch(fail);
}
