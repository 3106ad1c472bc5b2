import { hostname } from "node:os";
import {
  authorityOf,
  type Origin,
  type OriginPool,
  type Snapshot,
  VERSION,
  whenUp,
} from "../../proxy/engine";
import { type TracingOptions } from "../options/tracing-options";
import { exportTo } from "./export-request";
import { exportJson, type Span } from "./span";
import { drawnIds, readTraceparent, spanIdOf, traceIdOf, traceparentOf } from "./trace-context";

/** What tracing needs of the gateway. */
export interface TracerOwner {
  pool(origin: Origin): OriginPool;
  nextId(): string;
  complain(problem: string): void;
}

/** What is decided of a request's trace as it begins. */
export interface Tracing {
  /** The field by which services know whose request theirs is; undefined where the client's own goes on. */
  readonly traceparent: string | undefined;
  /** undefined where nothing is told of it. */
  readonly span: Omit<Span, "traceState"> | undefined;
  /** The gateway begins a trace, whatever the client said of one. */
  readonly begins: boolean;
}

/** Tells a collector of requests by OTLP over HTTP. No request ever waits for it. */
export class Tracer {
  readonly pool: OriginPool;
  private queue: string[] = [];
  private exporting = false;
  private takeBack: (() => void) | undefined;
  private stopped = false;
  private readonly resource: Readonly<Record<string, string>>;

  /** @param counts of spans by what came of them, kept by who makes another tracer after this one */
  constructor(
    readonly options: TracingOptions,
    private readonly owner: TracerOwner,
    private readonly counts: SpanCounts,
  ) {
    const { host, port, tls, serviceName, scheduleDelay } = options;
    this.pool = owner.pool({ host, port, tls, authority: authorityOf(host, port, tls) });
    this.resource = {
      "service.name": serviceName,
      "service.version": VERSION,
      "service.instance.id": `${hostname()}:${process.pid}`,
    };
    this.takeBack = whenUp(scheduleDelay, () => this.due());
  }

  /** @param traceparent values of that field: one, unless something is wrong */
  begin(traceparents: readonly string[]): Tracing {
    const [first] = traceparents;
    // Of several none counts (section 3.2.1).
    const parent = traceparents.length === 1 ? readTraceparent(first!) : undefined;
    // Who began the trace decided; where nobody did, chance does.
    const sampled = parent?.sampled ?? Math.random() < this.options.sampleRatio;
    if (parent !== undefined && !sampled) return PASSED_ON;
    const ids = drawnIds();
    const traceId = parent?.traceId ?? traceIdOf(ids);
    const spanId = spanIdOf(ids);
    return {
      traceparent: traceparentOf({ traceId, spanId, sampled }),
      span: sampled ? { traceId, spanId, parentSpanId: parent?.spanId } : undefined,
      begins: parent === undefined,
    };
  }

  /** @param span as JSON */
  add(span: string): void {
    const { maxQueueSize, maxExportBatchSize } = this.options;
    if (this.queue.length >= maxQueueSize) {
      this.counts.full++;
      return;
    }
    this.queue.push(span);
    // After a failure it is the next time's turn: who is away is not asked by each request.
    if (this.queue.length === maxExportBatchSize) void this.export();
  }

  stop(): void {
    this.stopped = true;
    this.takeBack?.();
    void this.export();
  }

  private due(): void {
    if (this.stopped) return;
    this.takeBack = whenUp(this.options.scheduleDelay, () => this.due());
    void this.export();
  }

  /** One at a time, until fewer wait than one export has. */
  private async export(): Promise<void> {
    if (this.exporting) return;
    this.exporting = true;
    const { maxExportBatchSize } = this.options;
    while (this.queue.length > 0) {
      const spans = this.queue.slice(0, maxExportBatchSize);
      this.queue = this.queue.slice(maxExportBatchSize);
      try {
        await exportTo(
          this.pool,
          this.options,
          exportJson(spans, this.resource, { name: "tricloud-gateway", version: VERSION }),
          this.owner.nextId(),
        );
        this.counts.exported += spans.length;
      } catch (error) {
        this.counts.failed += spans.length;
        this.owner.complain((error as Error).message);
        break;
      }
    }
    this.exporting = false;
  }
}

const PASSED_ON: Tracing = { traceparent: undefined, span: undefined, begins: false };

/** Spans by what came of them. */
export class SpanCounts {
  exported = 0;
  /** Too many waited. */
  full = 0;
  /** The collector did not take them. */
  failed = 0;

  into(snapshot: Snapshot): void {
    for (const outcome of ["exported", "full", "failed"] as const)
      snapshot[`trace_spans_total{outcome="${outcome}"}`] = this[outcome];
  }
}
