/** Where spans of requests are told, and how many of them. */
export interface TracingOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Of what takes spans there. */
  readonly path: string;
  /** Field lines that go with each export. */
  readonly lines: string;
  /** What the gateway is called. */
  readonly serviceName: string;
  /** Part of the requests that nobody has decided about before, from 0 to 1. */
  readonly sampleRatio: number;
  /** Spans that wait at the same time, of each worker. */
  readonly maxQueueSize: number;
  /** Spans of one export. */
  readonly maxExportBatchSize: number;
  /** Seconds from one export to the next. */
  readonly scheduleDelay: number;
  /** Seconds in which one has to be taken. */
  readonly exportTimeout: number;
}
