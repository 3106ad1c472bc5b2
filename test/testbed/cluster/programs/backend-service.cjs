// Pods behind a Service as a load balancer of Google's has them: it learns of them late, checks them itself, keeps
// connections to them open, and lets requests end that are under way to one that goes.
const http = require("node:http");
const { clearTimeout, setTimeout } = require("node:timers");

/** From a change of the Service's endpoints until requests follow it. */
const LEARNED_AFTER_MS = 5000;
/** Where no policy says another: https://cloud.google.com/kubernetes-engine/docs/how-to/configure-gateway-resources */
const CHECKS = { checkIntervalSec: 15, timeoutSec: 15, healthyThreshold: 1, unhealthyThreshold: 2 };
const ANSWER_WITHIN_SECONDS = 30;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Open until the pod closes them: what it says of how long it will keep them is not heard. */
class KeptConnections extends http.Agent {
  constructor() {
    super({ keepAlive: true, maxFreeSockets: Infinity });
  }

  keepSocketAlive(socket) {
    socket.setKeepAlive(true, 1000);
    return true;
  }
}

class Pod {
  connections = new KeptConnections();
  isHealthy = false;
  hasGone = false;
  /** Checks in a row that ended as the last one did. */
  inRow = { well: true, count: 0 };

  /** @param place ADDRESS:PORT */
  constructor(place, service) {
    const [host, port] = place.split(":");
    Object.assign(this, { host, port: Number(port), service });
    void this.checkWhileThere();
  }

  async checkWhileThere() {
    while (!this.hasGone) {
      const { checkIntervalSec, healthyThreshold, unhealthyThreshold } = this.service.checks;
      const [well] = await Promise.all([this.isWell(), pause(checkIntervalSec * 1000)]);
      this.inRow = { well, count: this.inRow.well === well ? this.inRow.count + 1 : 1 };
      if (this.inRow.count >= (well ? healthyThreshold : unhealthyThreshold)) this.isHealthy = well;
    }
  }

  isWell() {
    const { service, host } = this;
    const { timeoutSec, config = {} } = service.checks;
    const { port = this.port, requestPath: path = "/" } = config.httpHealthCheck ?? {};
    return new Promise((resolve) => {
      const options = { localAddress: service.from, agent: false, host, port, path };
      const request = http.get(options, (answer) => {
        answer.resume().on("error", () => undefined);
        resolve(answer.statusCode === 200);
      });
      const late = setTimeout(() => request.destroy(new Error("no answer")), timeoutSec * 1000);
      request.on("error", () => resolve(false)).on("close", () => clearTimeout(late));
    });
  }

  /** No request comes any more; those under way may end. */
  leave() {
    this.hasGone = true;
    const { drainingTimeoutSec = 0 } = this.service.policy.connectionDraining ?? {};
    setTimeout(() => this.connections.destroy(), drainingTimeoutSec * 1000);
  }
}

const BETWEEN_TWO = ["connection", "keep-alive", "transfer-encoding"];
/** Headers that are not of a single connection. */
const passedOn = (headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !BETWEEN_TWO.includes(name)));

module.exports.BackendService = class BackendService {
  /** What policies say. */
  checks = CHECKS;
  policy = {};
  pods = new Map();
  /** Places that the cluster has told of last. */
  told = "";

  /** @param from address from which pods are asked */
  constructor(from) {
    this.from = from;
  }

  /**
   * @param checks of a HealthCheckPolicy
   * @param policy of a GCPBackendPolicy
   */
  follow(checks, policy) {
    this.checks = { ...CHECKS, ...checks };
    this.policy = policy ?? {};
  }

  /** Hears of the pods that are ready. @param places ADDRESS:PORT of each */
  tell(places) {
    const told = [...places].sort().join();
    if (told === this.told) return;
    this.told = told;
    setTimeout(() => this.learn(places), LEARNED_AFTER_MS);
  }

  learn(places) {
    for (const [place, pod] of this.pods) {
      if (places.includes(place)) continue;
      pod.leave();
      this.pods.delete(place);
    }
    for (const place of places) if (!this.pods.has(place)) this.pods.set(place, new Pod(place, this));
  }

  /** Has a healthy pod answer; a GET is asked once more where one does not, and nothing else is. */
  forward(request, response, tried = []) {
    const pods = [...this.pods.values()].filter((pod) => pod.isHealthy && !tried.includes(pod));
    if (pods.length === 0)
      return tried.length === 0
        ? response.writeHead(503).end("no healthy upstream\n")
        : response.writeHead(502).end("upstream connect error or disconnect\n");
    const pod = pods[Math.floor(Math.random() * pods.length)];
    const { host, port, connections: agent } = pod;
    const { method, url: path } = request;
    const headers = {
      ...passedOn(request.headers),
      via: "1.1 google",
      "x-forwarded-for": request.socket.remoteAddress,
      "x-forwarded-proto": "https",
    };
    const asked = http.request(
      { localAddress: this.from, agent, host, port, method, path, headers },
      (answer) => {
        response.writeHead(answer.statusCode, passedOn(answer.headers));
        answer.pipe(response);
        answer.on("error", () => response.destroy());
      },
    );
    let isLate = false;
    asked.setTimeout((this.policy.timeoutSec ?? ANSWER_WITHIN_SECONDS) * 1000, () => {
      isLate = true;
      asked.destroy();
    });
    asked.on("error", () => {
      if (response.headersSent) response.destroy();
      else if (isLate) response.writeHead(504).end("upstream request timeout\n");
      else if (method === "GET" && tried.length === 0) this.forward(request, response, [pod]);
      else response.writeHead(502).end("upstream connect error or disconnect\n");
    });
    if (method === "GET") asked.end();
    else request.pipe(asked);
  }
};
