import { OptionError } from "../../proxy/engine";
import { type GatewayOptions } from "../options/gateway-options";
import { BodySchema, SchemaError } from "./body-schema";

/**
 * Whether each route's schema of bodies is one.
 *
 * @param file the gateway's, for messages
 * @throws OptionError that names file, place and what is wrong
 */
export function checkSchemas(file: string, { routes }: GatewayOptions): void {
  for (const { name, bodySchema } of routes) {
    try {
      if (bodySchema !== undefined) new BodySchema(bodySchema);
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      throw new OptionError(`${file}: routes.${name}.bodySchema: ${error.message}`, false);
    }
  }
}
