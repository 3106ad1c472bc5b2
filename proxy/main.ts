import { type Server } from "node:net";
import { adminServer } from "./admin";
import { type Command, OptionError, type Options, readAddressAndPort, readCommand, usage } from "./options";
import { Service } from "./service";
import { VERSION } from "./version";

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function serve(options: Options): Promise<void> {
  const service = new Service(options);
  const admin = options.adminListen === "" ? undefined : adminServer(service);
  if (admin !== undefined) {
    const { host, port } = readAddressAndPort(options.adminListen)!;
    await listen(admin, host, port);
  }
  await listen(service.server, options.listen, options.port);
  service.log.event("info", "listening", { address: service.server.address(), version: VERSION });
  const terminate = (): void => {
    process.off("SIGTERM", terminate).off("SIGINT", terminate);
    service.log.event("info", "draining");
    setTimeout(() => {
      service.log.event("warn", "shutdown time-out: requests were cut off");
      process.exit(1);
    }, options.shutdownTimeout * 1000).unref();
    service.draining = true;
    setTimeout(() => service.drain(() => process.exit(0)), options.drainDelay * 1000);
  };
  process.on("SIGTERM", terminate).on("SIGINT", terminate);
}

function command(): Command {
  try {
    return readCommand(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    process.stderr.write(`tricloud-proxy: ${error.message}\n${error.usage ? `\n${usage()}` : ""}`);
    process.exit(1);
  }
}

const asked = command();
switch (asked.run) {
  case "help":
    process.stdout.write(usage());
    break;
  case "version":
    process.stdout.write(`tricloud-proxy ${VERSION}\nNode ${process.version}\n`);
    break;
  case "check":
    process.stdout.write("configuration is valid\n");
    break;
  case "serve":
    serve(asked.options).catch((error: unknown) => {
      process.stderr.write(`tricloud-proxy: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    });
}
