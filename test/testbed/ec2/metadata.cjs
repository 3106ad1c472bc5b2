/**
 * The instance metadata service: IMDSv2 alone, as launch templates here ask for it.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
const { randomBytes } = require("node:crypto");
const { createServer } = require("node:http");

const ROLES = "/latest/meta-data/iam/security-credentials/";

/**
 * @param instanceAt gives { id, role, credentials } of the instance with an address, or undefined
 * @param region AWS region
 */
function metadataServer(instanceAt, region) {
  const tokens = new Map();
  return createServer(({ method, url, headers, socket }, response) => {
    const instance = instanceAt(socket.remoteAddress.replace(/^::ffff:/, ""));
    if (instance === undefined) return response.writeHead(404).end();
    if (method === "PUT" && url === "/latest/api/token") {
      const seconds = Number(headers["x-aws-ec2-metadata-token-ttl-seconds"]);
      // What came through a proxy is refused, and so is a token without an end.
      if (!(seconds >= 1 && seconds <= 21600)) return response.writeHead(400).end();
      if (headers["x-forwarded-for"] !== undefined) return response.writeHead(403).end();
      const token = randomBytes(40).toString("base64");
      tokens.set(token, { id: instance.id, until: Date.now() + seconds * 1000 });
      return response.writeHead(200, { "x-aws-ec2-metadata-token-ttl-seconds": seconds }).end(token);
    }
    const token = tokens.get(headers["x-aws-ec2-metadata-token"]);
    if (token?.id !== instance.id || token.until < Date.now()) return response.writeHead(401).end();
    const text = answer(url, instance, region);
    return text === undefined ? response.writeHead(404).end() : response.end(text);
  });
}

function answer(url, { id, role, zone, ...instance }, region) {
  const credentials = instance.mistaken ?? instance.credentials;
  switch (url) {
    case "/latest/meta-data/instance-id":
      return id;
    case "/latest/meta-data/placement/region":
      return region;
    case "/latest/meta-data/placement/availability-zone":
      return zone;
    case "/latest/dynamic/instance-identity/document":
      return JSON.stringify({ instanceId: id, region, availabilityZone: zone });
    case ROLES:
    case ROLES.slice(0, -1):
      return role;
    case ROLES + role:
      return JSON.stringify({
        ...{ Code: "Success", Type: "AWS-HMAC", LastUpdated: new Date().toISOString() },
        AccessKeyId: credentials.accessKeyId,
        SecretAccessKey: credentials.secretAccessKey,
        Token: credentials.sessionToken,
        Expiration: new Date(Date.now() + 6 * 3600 * 1000).toISOString(),
      });
    default:
      return undefined;
  }
}

module.exports = { metadataServer };
