import { GATEWAY_HEALTH_PATH } from "../../../constructs/gateway/gateway-ports";
import type { Region } from "../regions";
import type { Shown } from "../services/service-entrances";
import type { GatewayValue } from "./gateway-value";

/** Gateways that run in the region. */
export const gatewaysIn = (
  gateways: readonly GatewayValue[],
  { name }: Pick<Region, "name">,
): readonly GatewayValue[] => gateways.filter((gateway) => gateway.in[name] !== undefined);

/** A gateway as entrances know it: whatever is asked of its hosts is its to route. */
export const shownGateway = ({ name, hosts, in: places, port, adminPort, named }: GatewayValue): Shown => ({
  ...{ name, port, in: places, named },
  public: { hosts, paths: ["/"] },
  health: { path: GATEWAY_HEALTH_PATH, port: adminPort },
  grpc: true,
});
