/**
 * The AWS that a virtual machine sees: its metadata service with its role's credentials, S3 by s3rver, and of Secrets
 * Manager and Auto Scaling the one call each that booting makes. Requests to these three must be signed with those
 * credentials. Prints a line of JSON for each of the calls, and for each refusal. Ends when its standard input does.
 *
 * usage: node aws-endpoints.cjs '{ "address", "ports": { "s3", "secretsManager", "autoScaling", "metadata" },
 *   "region", "credentials", "directory", "bucket", "objects": { KEY: FILE }, "secrets", "modules" }'
 */
const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const { join } = require("node:path");
const { refusal } = require("./aws-signature.cjs");

const options = JSON.parse(process.argv[2]);
const fromCache = createRequire(join(options.modules, "package.json"));
const S3rver = fromCache("s3rver");
const { RequestSigner } = fromCache("aws4");

const ROLE = "us-machine";
const METADATA_TOKEN = "metadata-token";

const say = (event) => console.log(JSON.stringify(event));

function listen(port, answer) {
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => answer(request, response, Buffer.concat(chunks)));
  });
  return new Promise((resolve) => server.listen(port, options.address, resolve));
}

/** Answers only requests that are signed for the service, others with what `refused` makes of the refusal. */
const signedFor = (service, refused, answer) => (request, response, body) => {
  const { region, credentials } = options;
  const problem = refusal(request, body, { service, region, credentials }, RequestSigner);
  if (problem === undefined) return answer(request, response, body.toString());
  say({ call: "refused", service, code: problem.code });
  return refused(response, problem);
};

const xmlError = (response, { code, status, message }) =>
  response
    .writeHead(status, { "content-type": "application/xml" })
    .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);

const queryError = (response, { code, status, message }) =>
  response
    .writeHead(status, { "content-type": "text/xml" })
    .end(
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
    );

const jsonError = (response, { code, message }) =>
  response.writeHead(400, { "content-type": "application/x-amz-json-1.1" }).end(
    JSON.stringify({
      __type: code === "SignatureDoesNotMatch" ? "InvalidSignatureException" : code,
      message,
    }),
  );

function secretsManager(request, response, body) {
  const { SecretId, VersionId } = JSON.parse(body);
  say({ call: "GetSecretValue", SecretId, VersionId });
  const SecretString = options.secrets[`${SecretId} ${VersionId}`];
  if (SecretString === undefined) {
    return jsonError(response, { code: "ResourceNotFoundException", message: "There is no such secret." });
  }
  return response
    .writeHead(200, { "content-type": "application/x-amz-json-1.1" })
    .end(JSON.stringify({ ARN: SecretId, VersionId, SecretString }));
}

function autoScaling(request, response, body) {
  const form = Object.fromEntries(new URLSearchParams(body));
  say({ call: form.Action, ...form });
  if (form.Action !== "CompleteLifecycleAction") {
    return queryError(response, { code: "InvalidAction", status: 400, message: "There is no such action." });
  }
  return response
    .writeHead(200, { "content-type": "text/xml" })
    .end(
      "<CompleteLifecycleActionResponse><CompleteLifecycleActionResult/></CompleteLifecycleActionResponse>",
    );
}

/** IMDSv2: nothing without a token. */
function metadata({ method, url, headers }, response) {
  const roles = "/latest/meta-data/iam/security-credentials/";
  const { accessKeyId, secretAccessKey, sessionToken } = options.credentials;
  if (method === "PUT" && url === "/latest/api/token") return response.end(METADATA_TOKEN);
  if (headers["x-aws-ec2-metadata-token"] !== METADATA_TOKEN) return response.writeHead(401).end();
  if (url === roles) return response.end(ROLE);
  if (url !== roles + ROLE) return response.writeHead(404).end();
  return response.end(
    JSON.stringify({
      ...{ Code: "Success", Type: "AWS-HMAC", LastUpdated: new Date().toISOString() },
      ...{ AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken },
      Expiration: new Date(Date.now() + 6 * 3600 * 1000).toISOString(),
    }),
  );
}

/** s3rver with the objects that a deploy has put there; it knows no signatures, so that it only listens to this host. */
async function s3() {
  const { directory, bucket, objects } = options;
  const server = new S3rver({
    ...{ address: "127.0.0.1", port: 0, directory, silent: true, configureBuckets: [{ name: bucket }] },
  });
  const { port } = await server.run();
  for (const [key, file] of Object.entries(objects)) {
    const url = `http://127.0.0.1:${port}/${bucket}/${key}`;
    const { ok, status } = await fetch(url, { method: "PUT", body: readFileSync(file) });
    if (!ok) throw new Error(`cannot put ${file} into S3: ${status}`);
  }
  const handle = server.callback();
  return (request, response) => {
    // All that the machine's role is allowed.
    if (!["GET", "HEAD"].includes(request.method)) {
      return xmlError(response, { code: "AccessDenied", status: 403, message: "Access Denied" });
    }
    delete request.headers.authorization;
    return handle(request, response);
  };
}

async function main() {
  const { ports } = options;
  await listen(ports.s3, signedFor("s3", xmlError, await s3()));
  await listen(ports.secretsManager, signedFor("secretsmanager", jsonError, secretsManager));
  await listen(ports.autoScaling, signedFor("autoscaling", queryError, autoScaling));
  await listen(ports.metadata, metadata);
  say({ call: "ready" });
  process.stdin.resume().on("end", () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
