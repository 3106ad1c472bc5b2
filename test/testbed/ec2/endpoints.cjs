/**
 * The AWS that machines of a region see, at the names they call it by: each request must be signed with an instance's
 * credentials and allowed by its role's policy. S3, Secrets Manager, EC2 and CloudWatch are moto's; Auto Scaling and Systems
 * Manager, as far as machines and deploys call them, are answered here, with what the parent process knows of machines.
 *
 * The parent talks to it over Node's channel. It is told of each call, and of each refusal.
 *
 * usage: node endpoints.cjs '{ "metadataAddress", "address", "certificate", "key", "region", "account", "motoPort",
 *   "modules" }'
 */
const { readFileSync } = require("node:fs");
const { request: httpRequest } = require("node:http");
const { createServer } = require("node:https");
const { createRequire } = require("node:module");
const { join } = require("node:path");
const { metadataServer } = require("./metadata.cjs");
const { isAllowed } = require("./policy.cjs");
const { refusal } = require("./signature.cjs");
const { SystemsManager } = require("./systems-manager.cjs");

const options = JSON.parse(process.argv[2]);
const { region, account } = options;
const { RequestSigner } = createRequire(join(options.modules, "package.json"))("aws4");

/** Instances by address: { id, address, zone, role, statements, credentials }. */
const instances = new Map();
const NOBODY = { accessKeyId: "", secretAccessKey: "", sessionToken: "" };

/** Instances whose agent has told of itself. */
const managed = new Set();
/** Those of them that are out of its reach for now. */
const unreachable = new Set();
const systemsManager = new SystemsManager({
  state: (id) =>
    managed.has(id) && [...instances.values()].some((one) => one.id === id)
      ? unreachable.has(id)
        ? "offline"
        : "online"
      : undefined,
  run: (id, script) => fromParent({ action: "run", instance: id, script }),
});

const tell = (event) => process.send({ event });

/** What a request is about: its service, and what IAM is asked. Undefined for a service nobody here knows. */
function asked({ headers, url, method }, body) {
  const host = (headers.host ?? "").replace(/:443$/, "");
  const bucketHost = /^(.+)\.s3\.([a-z0-9-]+)\.amazonaws\.com$/.exec(host);
  if (bucketHost !== null || host === `s3.${region}.amazonaws.com`) {
    const path = decodeURIComponent(url.split("?")[0].slice(1));
    const [bucket, key] = bucketHost === null ? splitOnce(path) : [bucketHost[1], path];
    const query = new URL(url, "https://s3").searchParams;
    const version = query.get("versionId") ?? undefined;
    if (query.has("versions")) {
      const prefix = query.get("prefix") ?? "";
      return {
        service: "s3",
        action: "s3:ListBucketVersions",
        resource: `arn:aws:s3:::${bucket}`,
        detail: { bucket },
        context: { "s3:prefix": prefix },
      };
    }
    if (query.has("list-type")) {
      return {
        service: "s3",
        action: "s3:ListBucket",
        resource: `arn:aws:s3:::${bucket}`,
        detail: { bucket },
      };
    }
    const reading = version === undefined ? "s3:GetObject" : "s3:GetObjectVersion";
    const others = { PUT: "s3:PutObject", DELETE: "s3:DeleteObject" };
    const action = ["GET", "HEAD"].includes(method) ? reading : others[method];
    return {
      service: "s3",
      action: action ?? `s3:${method}`,
      resource: `arn:aws:s3:::${bucket}/${key}`,
      detail: { bucket, key, version },
    };
  }
  const [service, ...rest] = host.split(".");
  if (rest.join(".") !== `${region}.amazonaws.com`) return undefined;
  const form = Object.fromEntries(new URLSearchParams(body.toString()));
  switch (service) {
    case "ec2":
      return { service, action: `ec2:${form.Action}`, resource: "*", detail: {} };
    case "autoscaling": {
      const group = form.AutoScalingGroupName;
      const resource = `arn:aws:autoscaling:${region}:${account}:autoScalingGroup:0f0f:autoScalingGroupName/${group}`;
      return { service, action: `autoscaling:${form.Action}`, resource, detail: form };
    }
    case "ssm": {
      const [, operation] = (headers["x-amz-target"] ?? "").split(".");
      const detail = JSON.parse(body.toString());
      const resources = (detail.InstanceIds ?? []).map(
        (id) => `arn:aws:ec2:${region}:${account}:instance/${id}`,
      );
      if (detail.DocumentName !== undefined)
        resources.push(`arn:aws:ssm:${region}::document/${detail.DocumentName}`);
      const parameter = detail.Path ?? detail.Name;
      if (parameter !== undefined) resources.push(`arn:aws:ssm:${region}:${account}:parameter${parameter}`);
      const resource = resources.length === 0 ? "*" : resources;
      const shown = { InstanceIds: detail.InstanceIds?.join(" "), parameter };
      return {
        ...{ service, action: `ssm:${operation}`, resource },
        detail: operation === "UpdateInstanceInformation" ? detail : shown,
        operation: { name: operation, detail },
      };
    }
    case "secretsmanager": {
      const action = `${service}:${(headers["x-amz-target"] ?? "").split(".")[1]}`;
      const detail = JSON.parse(body.toString());
      return { service, action, resource: detail.SecretId ?? "*", detail };
    }
    case "logs": {
      const { logGroupName, logStreamName } = JSON.parse(body.toString());
      const resource = `arn:aws:logs:${region}:${account}:log-group:${logGroupName}:log-stream:${logStreamName}`;
      const action = `logs:${(headers["x-amz-target"] ?? "").split(".")[1]}`;
      return { service, action, resource, detail: { logGroupName, logStreamName } };
    }
    case "monitoring": {
      const context = { "cloudwatch:namespace": form.Namespace };
      return { service, action: `cloudwatch:${form.Action}`, resource: "*", detail: form, context };
    }
    default:
      return undefined;
  }
}

const splitOnce = (path) => [path.split("/", 1)[0], path.split("/").slice(1).join("/")];

const xml = (response, status, text) =>
  response.writeHead(status, { "content-type": "text/xml" }).end(`<?xml version="1.0"?>${text}`);

const errorText = ({ code, message }) => `<Code>${code}</Code><Message>${message}</Message>`;

/** How each service words a refusal. */
const REFUSE = {
  s3: (response, problem) => xml(response, problem.status, `<Error>${errorText(problem)}</Error>`),
  ec2: (response, problem) =>
    xml(response, 403, `<Response><Errors><Error>${errorText(problem)}</Error></Errors></Response>`),
  autoscaling: xmlError,
  monitoring: xmlError,
  secretsmanager: jsonError,
  ssm: jsonError,
  logs: jsonError,
};

function xmlError(response, problem) {
  const text = `<ErrorResponse><Error><Type>Sender</Type>${errorText(problem)}</Error></ErrorResponse>`;
  xml(response, problem.status, text);
}

function jsonError(response, { code, message }) {
  const names = { SignatureDoesNotMatch: "InvalidSignatureException", AccessDenied: "AccessDeniedException" };
  response
    .writeHead(400, { "content-type": "application/x-amz-json-1.1" })
    .end(JSON.stringify({ __type: names[code] ?? code, message }));
}

async function answer(request, response, body) {
  const what = asked(request, body);
  if (what === undefined) return response.writeHead(404).end();
  const { service, action, resource, detail, context, operation } = what;
  // Whether anybody may read it is for moto to say, which knows each object's access list.
  if (service === "s3" && request.headers.authorization === undefined)
    return moto(request, response, body, "s3");

  const key = /Credential=([^/]+)\//.exec(request.headers.authorization ?? "")?.[1];
  const instance = [...instances.values()].find(({ credentials }) => credentials.accessKeyId === key);
  const scope = { service, region, credentials: instance?.credentials ?? NOBODY };
  let problem = refusal(request, body, scope, RequestSigner);
  const isForbidden = (one) => !isAllowed(instance.statements, permission(action, one, context));
  if (problem === undefined && [resource].flat().some(isForbidden)) {
    const message = `The role of ${instance.id} may not perform ${action} on ${resource}`;
    problem = { code: service === "ec2" ? "UnauthorizedOperation" : "AccessDenied", status: 403, message };
  }
  const told =
    service === "autoscaling" && problem === undefined ? await fromParent({ action, ...detail }) : {};
  problem ??= told.problem;
  tell({ action, instance: instance?.id, ...detail, ...(problem && { refused: problem.code }) });
  if (problem !== undefined) return REFUSE[service](response, problem);
  switch (action) {
    case "autoscaling:CompleteLifecycleAction":
      return xml(
        response,
        200,
        "<CompleteLifecycleActionResponse><CompleteLifecycleActionResult/></CompleteLifecycleActionResponse>",
      );
    case "autoscaling:DescribeAutoScalingGroups":
      return xml(response, 200, groupsText(told.groups));
    case "ssm:UpdateInstanceInformation":
      managed.add(instance.id);
      return response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end("{}");
    case "ssm:SendCommand":
    case "ssm:ListCommandInvocations":
    case "ssm:GetCommandInvocation":
    case "ssm:PutParameter":
    case "ssm:DeleteParameter":
    case "ssm:GetParametersByPath": {
      const answered = systemsManager.answer(operation.name, operation.detail);
      if (answered.problem !== undefined) return jsonError(response, answered.problem);
      return response
        .writeHead(200, { "content-type": "application/x-amz-json-1.1" })
        .end(JSON.stringify(answered.body));
    }
    default:
      return moto(request, response, body);
  }
}

/** @param groups [{ name, machines: [{ id, zone, state }] }] */
function groupsText(groups) {
  const member = ({ id, zone, state }) =>
    `<member><InstanceId>${id}</InstanceId><AvailabilityZone>${zone}</AvailabilityZone>` +
    `<LifecycleState>${state}</LifecycleState><HealthStatus>Healthy</HealthStatus></member>`;
  const found = groups.map(
    ({ name, machines }) =>
      `<member><AutoScalingGroupName>${name}</AutoScalingGroupName>` +
      `<Instances>${machines.map(member).join("")}</Instances></member>`,
  );
  return (
    '<DescribeAutoScalingGroupsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">' +
    `<DescribeAutoScalingGroupsResult><AutoScalingGroups>${found.join("")}</AutoScalingGroups>` +
    "</DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
  );
}

const permission = (action, resource, context) => ({
  action,
  resource,
  context: { "aws:RequestedRegion": region, ...context },
});

/** Passes a request on as it is. Of a service that is named, moto's refusal, which has no words, is put into AWS's. */
function moto({ method, url, headers }, response, body, service) {
  const target = { host: "127.0.0.1", port: options.motoPort, method, path: url, headers };
  const passed = httpRequest(target, (answered) => {
    if (service !== undefined && answered.statusCode === 403) {
      answered.resume();
      return REFUSE[service](response, { code: "AccessDenied", status: 403, message: "Access Denied" });
    }
    response.writeHead(answered.statusCode, answered.headers);
    answered.pipe(response);
  });
  passed.on("error", (error) => response.destroy(error));
  passed.end(body);
}

let questions = 0;
const waiting = new Map();

/** Asks the parent what is wrong with a call, or what it knows. */
function fromParent(call) {
  const question = ++questions;
  return new Promise((resolve) => {
    waiting.set(question, resolve);
    process.send({ question, call });
  });
}

process.on("message", (message) => {
  if (message.answer !== undefined) {
    waiting.get(message.answer)(message.told);
    waiting.delete(message.answer);
  }
  if (message.instance !== undefined) instances.set(message.instance.address, message.instance);
  if (message.gone !== undefined) instances.delete(message.gone);
  if (message.reach !== undefined) {
    if (message.isReached) unreachable.delete(message.reach);
    else unreachable.add(message.reach);
  }
  if (message.mistaken !== undefined) instances.get(message.mistaken).mistaken = message.credentials;
  if (message.operator !== undefined) operate(message.operator, message.call);
});
process.on("disconnect", () => process.exit(0));

/** A call of the region's owner, who needs no signature here: straight to moto. */
function operate(operator, { service, method, path, headers, body }) {
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIAOPERATOR/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`;
  const target = {
    ...{ host: "127.0.0.1", port: options.motoPort, method, path },
    headers: { host: `${service}.${region}.amazonaws.com`, authorization, ...headers },
  };
  const request = httpRequest(target, (response) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () =>
      process.send({
        ...{ operator, status: response.statusCode, body: Buffer.concat(chunks).toString() },
        version: response.headers["x-amz-version-id"],
      }),
    );
  });
  request.on("error", (error) => process.send({ operator, status: 0, body: error.message }));
  request.end(Buffer.from(body ?? "", "base64"));
}

metadataServer((address) => instances.get(address), region).listen(80, options.metadataAddress);
createServer(
  { cert: readFileSync(options.certificate), key: readFileSync(options.key) },
  (request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      answer(request, response, Buffer.concat(chunks)).catch((error) => {
        console.error(error);
        response.writeHead(500).end();
      });
    });
  },
).listen(443, options.address, () => tell({ action: "ready" }));
