/** Connections of other regions' proxies, and the name by which each was let in. */
const names = new WeakMap<object, string>();

/** From now on what comes on this socket comes from the proxies of that name. */
export function knowPeer(socket: object, name: string): void {
  names.set(socket, name);
}

/** The name of the proxies whose socket it is; undefined for any other client's. */
export const peerOf = (socket: object): string | undefined => names.get(socket);
