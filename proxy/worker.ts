import { type TimesSample } from "./observation/response-times";
import { type Snapshot } from "./observation/metrics";
import { type Options } from "./options/options";
import { type UpstreamsReport } from "./origins/groups/group-report";
import { ignoreSignal, serve } from "./serve";
import { type Service } from "./service";
import { Channel, type Peer } from "./worker-channel";

/** What a worker tells its supervisor when asked. */
export interface WorkerReport {
  readonly ready: boolean;
  readonly snapshot: Snapshot;
  readonly upstreams: UpstreamsReport;
}

/** What a supervisor asks of a worker. */
export const REPORT = "report";
export const TIMES = "times";
/** Go on with these options. */
export const RELOAD = "reload";
/** What a worker asks of its supervisor. */
export const ALL_TIMES = "all times";
export const OPTIONS = "options";

/** Serves with the supervisor's options, and answers its questions. */
export async function work(): Promise<void> {
  let service: Service | undefined;
  // Options that came before there was anything to apply them to.
  let newest: Options | undefined;
  const supervisor = new Channel(process as Peer, {
    [REPORT]: (): WorkerReport | undefined =>
      service && { ready: service.ready, snapshot: service.snapshot(), upstreams: service.upstreams() },
    [TIMES]: (): TimesSample | undefined => service?.times(),
    [RELOAD]: (options) => {
      newest = options as Options;
      service?.reload(newest);
    },
  });
  let options: Options | undefined;
  while (options === undefined) options = (await supervisor.ask(OPTIONS)) as Options | undefined;
  await serve(newest ?? options, process.ppid, (made) => {
    service = made;
    // The supervisor tells of what it was told.
    ignoreSignal("SIGHUP", made.log);
    // Without a supervisor this worker is about to end too, and what it knows itself is all there is.
    made.allTimes = async () =>
      ((await supervisor.ask(ALL_TIMES)) as TimesSample[] | undefined) ?? [made.times()];
  });
}
