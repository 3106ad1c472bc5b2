import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** Finds the protocol file, which lies in the sources and is not copied when they are compiled. */
function protocolFile(): string {
  for (let directory = __dirname; directory !== dirname(directory); directory = dirname(directory)) {
    const file = join(directory, "planning", "tfplugin6.proto");
    if (existsSync(file)) return file;
  }
  throw new Error(`planning/tfplugin6.proto not found in any directory above ${__dirname}`);
}

/** The provider service of Terraform's plugin protocol 6. */
export function providerService(): grpc.ServiceDefinition {
  const definition = loadSync(protocolFile(), {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
  });
  const service = definition["tfplugin6.Provider"];
  if (service === undefined || "format" in service)
    throw new Error("the protocol file declares no service Provider");
  return service as grpc.ServiceDefinition;
}

export interface DynamicValue {
  readonly msgpack: Uint8Array;
}

export interface Diagnostic {
  readonly severity: "ERROR" | "WARNING";
  readonly summary: string;
  readonly detail: string;
  readonly attribute?: { steps: object[] };
}
