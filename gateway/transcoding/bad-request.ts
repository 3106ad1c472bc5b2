/** A request cannot be put as a call; the message is for the client. */
export class BadRequest extends Error {
  /** @param status of HTTP */
  constructor(
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}
