/** Without these there is no message: they frame it, say what its body is, or make up an upgrade or a gRPC call. */
const OF_ALL = /^(?:content-.*|transfer-encoding|sec-websocket-.*|grpc-.*)$/;
/** Fields of requests that servers, caches and traces rest on. */
const OF_REQUESTS = /^(?:host|upgrade|traceparent|tracestate)$/;
const OF_ANSWERS = /^(?:date|vary|upgrade)$/;

/** Tells which fields go on, of a list of their names. */
export class KeptFields {
  private readonly names: ReadonlySet<string>;

  private constructor(
    names: readonly string[],
    private readonly always: RegExp,
  ) {
    this.names = new Set(names.map((name) => name.toLowerCase()));
  }

  static ofRequests(names: readonly string[] | undefined): KeptFields | undefined {
    return names && new KeptFields(names, OF_REQUESTS);
  }

  static ofAnswers(names: readonly string[] | undefined): KeptFields | undefined {
    return names && new KeptFields(names, OF_ANSWERS);
  }

  /** @param name in lower case */
  has(name: string): boolean {
    return this.names.has(name) || OF_ALL.test(name) || this.always.test(name);
  }
}
