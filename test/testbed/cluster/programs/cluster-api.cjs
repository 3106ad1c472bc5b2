// How a program of this machine speaks to the API that a kubeconfig names.
const { readFileSync } = require("node:fs");

/** Options of `https.request`, by the client's certificate. @param kubeconfig path of one in JSON */
module.exports.clusterApi = (kubeconfig) => {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, "utf8"));
  const decoded = (text) => Buffer.from(text, "base64");
  return {
    host: new URL(clusters[0].cluster.server).hostname,
    port: new URL(clusters[0].cluster.server).port,
    ca: decoded(clusters[0].cluster["certificate-authority-data"]),
    cert: decoded(users[0].user["client-certificate-data"]),
    key: decoded(users[0].user["client-key-data"]),
  };
};
