/** Host names and beginnings of paths that lead to a service. */
export interface Claims {
  readonly name: string;
  readonly hosts: readonly string[];
  /** @default ["/"] */
  readonly paths?: readonly string[];
}

/** A host name and path that a service claims though they lead to one before it, or to itself, already. */
export interface ClaimedTwice<S extends Claims> {
  readonly service: S;
  readonly host: string;
  readonly path: string;
  /** Name of the service that has them. */
  readonly by: string;
}

export function claimedTwice<S extends Claims>(services: readonly S[]): ClaimedTwice<S>[] {
  const claimed = new Map<string, string>();
  return services.flatMap((service) =>
    service.hosts.flatMap((host) =>
      (service.paths ?? ["/"]).flatMap((path) => {
        const by = claimed.get(`${host}${path}`);
        if (by !== undefined) return [{ service, host, path, by }];
        claimed.set(`${host}${path}`, service.name);
        return [];
      }),
    ),
  );
}
