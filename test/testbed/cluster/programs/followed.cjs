// How a program of this machine keeps a list of the cluster's objects as it is.
const https = require("node:https");
const { setTimeout } = require("node:timers");

const AGAIN_AFTER_MS = 500;

/** By namespace and name. */
const keyOf = ({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`;
module.exports.keyOf = keyOf;

/** A list that is followed: its objects by `keyOf`, undefined until it was read for the first time. */
module.exports.Followed = class Followed {
  objects = undefined;

  /**
   * @param api options of `https.request`
   * @param path of the list, without a query
   * @param changed called whenever it is another
   */
  constructor(api, path, changed) {
    Object.assign(this, { api, path, changed });
    this.list();
  }

  get items() {
    return [...this.objects.values()];
  }

  list() {
    const again = () => setTimeout(() => this.list(), AGAIN_AFTER_MS);
    const request = https.get({ ...this.api, path: this.path }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      answer.on("end", () => {
        if (answer.statusCode !== 200) return again();
        const { items, metadata } = JSON.parse(text);
        this.objects = new Map(items.map((item) => [keyOf(item), item]));
        this.changed();
        this.watch(metadata.resourceVersion, again);
      });
    });
    request.on("error", again);
  }

  watch(version, again) {
    const path = `${this.path}?watch=1&resourceVersion=${version}`;
    const request = https.get({ ...this.api, path }, (events) => {
      let held = "";
      events.setEncoding("utf8").on("data", (chunk) => {
        const lines = (held + chunk).split("\n");
        held = lines.pop();
        for (const { type, object } of lines.map((line) => JSON.parse(line))) {
          if (type === "ERROR") return events.destroy();
          if (type === "DELETED") this.objects.delete(keyOf(object));
          else this.objects.set(keyOf(object), object);
        }
        this.changed();
      });
      events.on("close", again);
    });
    request.on("error", again);
  }
};
