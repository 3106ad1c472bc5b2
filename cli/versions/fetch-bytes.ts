/** Longest that a service may take to answer, its whole answer included. */
const LONGEST_MS = 60_000;

/** What is at a URL. @throws Error that says what came instead */
export async function fetchBytes(url: string): Promise<Buffer> {
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(LONGEST_MS) });
    if (response.ok) return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    // Node says what happened in the cause alone; of several addresses, in each one's own.
    const { message, cause } = error as Error & { cause?: Error & { errors?: readonly Error[] } };
    throw new Error(cause?.message || cause?.errors?.[0]?.message || message, { cause: error });
  }
  throw new HttpError(response.status, url);
}

/** An answer that is none. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    url: string,
  ) {
    super(`answers ${status} for ${url}`);
  }
}
