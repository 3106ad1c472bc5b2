/** What an instance of a service is up to; `unknown`: its host is out of reach. */
export type InstanceState = "healthy" | "not healthy" | "starting" | "stopping" | "not running" | "unknown";

export interface ServiceInstance {
  /** Server, machine or node that it is on; empty for a pod that has none yet. */
  readonly host: string;
  /** On a cluster. */
  readonly pod?: string;
  /** Digest of the image that it runs, `sha256:...`; null where none runs. */
  readonly version: string | null;
  readonly state: InstanceState;
  /** Since when it has been there, on a cluster since when it has been healthy, ISO 8601; null where it is not. */
  readonly since: string | null;
  /** Why it is not, or why nothing is known of it. */
  readonly problem?: string;
}

export interface RunningService {
  readonly service: string;
  /** Digest of the image in what is synthesised here. */
  readonly version: string;
  readonly healthy: number;
  readonly wanted: number;
  readonly instances: readonly ServiceInstance[];
}

/** What is known of a task of a region's services. */
export interface RegionTask {
  readonly service: string;
  readonly task: string;
  /** Whether it is under way somewhere in the region. */
  readonly underWay: boolean;
  /** Its last run that is known; null where there is none. */
  readonly last: {
    readonly host: string;
    /** 0: it has succeeded; 75: it was missed; 124: it has taken longer than it may. */
    readonly status: number;
    readonly seconds: number;
    /** When it ended, ISO 8601. */
    readonly ended: string;
  } | null;
  /** Whether it runs at times; the others run before releases. */
  readonly timed: boolean;
  /** When it runs next, ISO 8601; null where nobody says. */
  readonly next: string | null;
}

/** Of an image that is named by it. */
export const digestOf = (image: string): string => image.slice(image.indexOf("@") + 1);
