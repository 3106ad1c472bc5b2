/**
 * The check of a request's AWS Signature Version 4 that AWS makes and stand-ins for it leave out:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
 */
const { createHash } = require("node:crypto");

const SKEW_MS = 15 * 60 * 1000;

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/;

/** What S3 calls each refusal, and its status. */
const REFUSALS = {
  AccessDenied: [403, "Access Denied"],
  AuthorizationHeaderMalformed: [400, "The credential is for another day, region or service."],
  InvalidAccessKeyId: [403, "There is no such access key, or it comes without its session token."],
  InvalidToken: [400, "The session token is not the access key's."],
  RequestTimeTooSkewed: [403, "The request's time and the server's are too far apart."],
  SignatureDoesNotMatch: [403, "The signature is not what request and secret key give."],
  XAmzContentSHA256Mismatch: [400, "The body is not what x-amz-content-sha256 says."],
};

/**
 * Why the request is refused, as { code, status, message }; undefined when it is signed as it must be.
 *
 * @param request { method, url, headers }, and its body as a Buffer
 * @param scope { service, region, credentials: { accessKeyId, secretAccessKey, sessionToken } }
 * @param RequestSigner of aws4: gives the signature anew
 */
function refusal(request, body, scope, RequestSigner) {
  const code = refusalCode(request, body, scope, RequestSigner);
  if (code === undefined) return undefined;
  const [status, message] = REFUSALS[code];
  return { code, status, message };
}

function refusalCode({ method, url, headers }, body, { service, region, credentials }, RequestSigner) {
  const parts = AUTHORIZATION.exec(headers.authorization ?? "");
  if (parts === null) return "AccessDenied";
  const [, accessKeyId, day, scopeRegion, scopeService, names, signature] = parts;
  const token = headers["x-amz-security-token"];
  // A key for long use has no token; that of a role is not known without one.
  const isTemporary = credentials.sessionToken !== undefined;
  if (accessKeyId !== credentials.accessKeyId || (isTemporary && token === undefined))
    return "InvalidAccessKeyId";
  if (token !== credentials.sessionToken) return "InvalidToken";

  const date = headers["x-amz-date"] ?? "";
  const time = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
  if (!(Math.abs(Date.now() - time) <= SKEW_MS)) return "RequestTimeTooSkewed";
  if (!date.startsWith(day) || scopeRegion !== region || scopeService !== service) {
    return "AuthorizationHeaderMalformed";
  }

  const signed = new Set(names.split(";"));
  const unsigned = Object.keys(headers).filter((name) => !signed.has(name));
  if (unsigned.some((name) => name === "host" || name.startsWith("x-amz-"))) return "AccessDenied";

  const stated = headers["x-amz-content-sha256"];
  const isBody = stated === createHash("sha256").update(body).digest("hex");
  if (!isBody && (service === "s3" || stated !== undefined)) return "XAmzContentSHA256Mismatch";

  const signer = new RequestSigner(
    {
      ...{ service, region, method, headers, path: url, body: body.toString() },
      extraHeadersToInclude: Object.fromEntries([...signed].map((name) => [name, true])),
      // Those too that aws4 would add because it signs them itself.
      extraHeadersToIgnore: Object.fromEntries(
        [...unsigned, "content-type", "content-length"].map((name) => [name, true]),
      ),
    },
    credentials,
  );
  const expected = signer.sign().headers.Authorization;
  return AUTHORIZATION.exec(expected)?.[6] === signature ? undefined : "SignatureDoesNotMatch";
}

module.exports = { refusal };
