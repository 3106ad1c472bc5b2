import {
  authorityOf,
  type Destination,
  type Origin,
  type OriginPool,
  type WireProtocol,
} from "../proxy/engine";
import { type ServiceOptions } from "./options/gateway-options";

/** What makes connections. */
export interface ConnectionMaker {
  pool(origin: Origin, over: WireProtocol): OriginPool;
  door(group: string, over: WireProtocol): Destination;
}

/** A service as requests reach it: by its one origin's connections, or by a group of origins. */
export class ServiceConnections {
  private readonly doors = new Map<WireProtocol, Destination>();

  constructor(
    readonly options: ServiceOptions,
    private readonly maker: ConnectionMaker,
  ) {}

  over(protocol: WireProtocol): Destination {
    let door = this.doors.get(protocol);
    if (door === undefined) this.doors.set(protocol, (door = this.make(protocol)));
    return door;
  }

  /** It is one of the pools that requests are sent to. */
  has(pool: OriginPool): boolean {
    for (const door of this.doors.values()) if (door === pool) return true;
    return false;
  }

  private make(protocol: WireProtocol): Destination {
    const { name, origin } = this.options;
    if (origin === undefined) return this.maker.door(name, protocol);
    return this.maker.pool(
      { ...origin, authority: authorityOf(origin.host, origin.port, origin.tls) },
      protocol,
    );
  }
}
