import { type TimesSample } from "./observation/response-times";
import { type Snapshot } from "./observation/metrics";
import { type Options } from "./options/options";
import { type UpstreamsReport } from "./observation/group-report";
import { type Program } from "./program";
import { ignoreSignal, serve } from "./serve";
import { type Service } from "./service";
import { type Telling, WorkerFellows } from "./together/fellows";
import { Channel, type Peer } from "./worker-channel";

/** What a worker tells its supervisor when asked. */
export interface WorkerReport {
  readonly ready: boolean;
  readonly snapshot: Snapshot;
  readonly upstreams: UpstreamsReport;
}

/** What a supervisor has a worker do. */
export interface WorkerOrders<O extends Options = Options> {
  readonly options: O;
  /** Origins that an operator has taken out. */
  readonly drained: readonly string[];
}

/** What a supervisor asks of a worker. */
export const REPORT = "report";
export const TIMES = "times";
/** Go on by these orders. */
export const CHANGE = "change";
/** What a worker asks of its supervisor. */
export const ALL_TIMES = "all times";
export const ORDERS = "orders";
export const TOGETHER = "together";
/** Said once: from now on it is told of what is kept together, first of all its place. */
export const JOINING = "joining";
/** What either has to tell of what is kept together; there is no answer. */
export const TELLING = "telling";

/** Serves with the supervisor's options, and answers its questions. */
export async function work<O extends Options>(program: Program<O>): Promise<void> {
  let service: Service<O> | undefined;
  let orders: WorkerOrders<O> | undefined;
  let fellows: WorkerFellows | undefined;
  let joined: ((together: WorkerFellows) => void) | undefined;
  const joining = new Promise<WorkerFellows>((resolve) => (joined = resolve));
  const supervisor = new Channel(process as Peer, {
    [REPORT]: (): WorkerReport | undefined =>
      service && { ready: service.ready, snapshot: service.snapshot(), upstreams: service.upstreams() },
    [TIMES]: (): TimesSample | undefined => service?.times(),
    [CHANGE]: (changed) => {
      orders = changed as WorkerOrders<O>;
      service?.reload(orders.options);
      service?.takeOut(orders.drained);
    },
    [TELLING]: (told) => {
      const { place, ...telling } = told as Telling;
      // What came before its place is a part of that.
      if (place === undefined) {
        fellows?.hear(telling);
        return;
      }
      fellows = new WorkerFellows(
        place,
        (own) => supervisor.tell(TELLING, own),
        (question) => supervisor.ask(TOGETHER, question),
      );
      joined?.(fellows);
    },
  });
  while (orders === undefined) {
    const answer = (await supervisor.ask(ORDERS)) as WorkerOrders<O> | undefined;
    // What came meanwhile is newer.
    orders ??= answer;
  }
  supervisor.tell(JOINING, undefined);
  const together = await joining;
  const { options, drained } = orders;
  const onMade = (made: Service<O>): void => {
    service = made;
    made.takeOut(drained);
    // The supervisor tells of what it was told.
    ignoreSignal("SIGHUP", made.log);
    // Without a supervisor this worker is about to end too, and what it knows itself is all there is.
    made.allTimes = async () =>
      ((await supervisor.ask(ALL_TIMES)) as TimesSample[] | undefined) ?? [made.times()];
  };
  await serve(program, options, process.ppid, onMade, together);
}
