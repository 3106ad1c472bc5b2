import { STATUS_CODES } from "node:http";

/** Reason phrase of a status. */
export function statusText(status: number): string {
  return status === 499 ? "Client Closed Request" : (STATUS_CODES[status] ?? "Unknown");
}
