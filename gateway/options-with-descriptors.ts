import { dirname, resolve } from "node:path";
import { OptionError } from "../proxy/engine";
import { BadValue } from "../proxy/grammar";
import { Api } from "./descriptors/api";
import { DescriptorError } from "./descriptors/descriptor-error";
import { type DescriptorSource, readDescriptors, writtenSet } from "./descriptors/descriptor-set";
import { type GatewayOptions } from "./options/gateway-options";
import { type ApiOptions } from "./options/grpc-options";
import { Transcoder } from "./transcoding/transcoder";

/**
 * The same options with what their APIs are told by: workers, and a gateway that is reloaded by a worse file, go on by
 * what was read once.
 *
 * @param file the gateway's, for messages
 * @throws OptionError that names file, place and what is wrong
 */
export function withDescriptors(file: string, options: GatewayOptions): GatewayOptions {
  const apis = new Map<string, Api>();
  const sets: Record<string, string> = {};
  for (const source of options.apis)
    naming(`${file}: apis.${source.name}`, () => {
      const set = readDescriptors(besides(file, source));
      apis.set(source.name, Api.of(set, source.descriptors ?? source.protos.join(", ")));
      sets[source.name] = writtenSet(set);
    });
  for (const { name, grpc } of options.routes) {
    const api = grpc?.api === undefined ? undefined : apis.get(grpc.api);
    if (grpc === undefined || api === undefined) continue;
    const path = `${file}: routes.${name}.grpc`;
    const known = new Set(api.methods.map(({ method }) => method.parent.typeName));
    for (const service of grpc.services) {
      if (!known.has(service))
        throw new OptionError(
          `${path}.services: "${service}" is not ${known.size === 0 ? "there: the API has no services" : `one of ${[...known].join(", ")}`}`,
          false,
        );
    }
    naming(path, () => new Transcoder(api, grpc));
  }
  return { ...options, descriptorSets: sets };
}

/** Where they lie: paths of a file are seen from there. */
function besides(file: string, { descriptors, protos, includes }: ApiOptions): DescriptorSource {
  const at = (path: string): string => resolve(dirname(file), path);
  return { descriptors: descriptors && at(descriptors), protos: protos.map(at), includes: includes.map(at) };
}

function naming(path: string, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (error instanceof BadValue) throw new OptionError(`${path}.${error.message}`, false);
    if (!(error instanceof DescriptorError)) throw error;
    throw new OptionError(`${path}: ${error.message}`, false);
  }
}
