import { type RouteOptions } from "./options/gateway-options";

/** A route as it is in force: its options, and what outlives them at a reload. */
export class RouteState {
  /** Requests under way. */
  active = 0;

  constructor(public options: RouteOptions) {}

  get full(): boolean {
    const { maxConcurrent } = this.options;
    return maxConcurrent > 0 && this.active >= maxConcurrent;
  }
}
