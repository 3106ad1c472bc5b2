import { type MovableRequester } from "../proxy/engine";

/** What the gateway asks of services for a client, whose request does not go on as it is. */
export interface OwnCall {
  /** It ends within the route's time by itself. */
  readonly keepsTime: boolean;
  /** All of the client's request is here. */
  begin(requester: MovableRequester): void;
  /** Nobody wants the answer any more. */
  cancel(): void;
}
