/**
 * The AWS that a virtual machine sees: S3 by s3rver, and of Secrets Manager and Auto Scaling the one call each that
 * booting makes. Prints a line of JSON for each of those calls. Ends when its standard input does.
 *
 * usage: node aws-endpoints.cjs '{ "address", "s3Port", "otherPort", "directory", "bucket", "modules", "secrets" }'
 */
const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const { join } = require("node:path");

const options = JSON.parse(process.argv[2]);
const S3rver = createRequire(join(options.modules, "package.json"))("s3rver");

const say = (event) => console.log(JSON.stringify(event));

function answer(request, body) {
  if (request.headers["x-amz-target"] === "secretsmanager.GetSecretValue") {
    const { SecretId, VersionId } = JSON.parse(body);
    say({ call: "GetSecretValue", SecretId, VersionId });
    const value = options.secrets[`${SecretId} ${VersionId}`];
    if (value === undefined) return [400, JSON.stringify({ __type: "ResourceNotFoundException" })];
    return [200, JSON.stringify({ ARN: SecretId, VersionId, SecretString: value })];
  }
  const form = Object.fromEntries(new URL(`?${body}`, "http://localhost").searchParams);
  say({ call: form.Action, ...form });
  if (form.Action !== "CompleteLifecycleAction") return [400, "<ErrorResponse/>"];
  return [
    200,
    "<CompleteLifecycleActionResponse><CompleteLifecycleActionResult/></CompleteLifecycleActionResponse>",
  ];
}

const others = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const [status, text] = answer(request, body);
    response.writeHead(status, { "content-type": request.headers["content-type"] }).end(text);
  });
});

async function main() {
  const { address, s3Port, otherPort, directory, bucket } = options;
  await new S3rver({
    address,
    port: s3Port,
    directory,
    silent: true,
    configureBuckets: [{ name: bucket }],
  }).run();
  others.listen(otherPort, address, () => say({ call: "ready" }));
  process.stdin.resume().on("end", () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
