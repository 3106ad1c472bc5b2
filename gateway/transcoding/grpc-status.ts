import { fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import { type CodeName, CODES } from "../options/status-codes";

/** How a call ended (google.rpc.Status). */
export interface GrpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
  /** `grpc-status-details-bin` as it came. */
  readonly raw?: string;
}

/** Numbers of google.rpc.Code by name. */
export const CODE = Object.fromEntries(CODES.map(([name], number) => [name, number])) as Readonly<
  Record<CodeName, number>
>;

/** What the codes are called; one that nobody knows is UNKNOWN. */
export const codeName = (code: number): CodeName => CODES[code]?.[0] ?? "UNKNOWN";

/** What a status of the gateway's own means in gRPC. */
const BY_HTTP: ReadonlyMap<number, number> = new Map([
  [400, CODE.INVALID_ARGUMENT],
  [401, CODE.UNAUTHENTICATED],
  [403, CODE.PERMISSION_DENIED],
  [404, CODE.NOT_FOUND],
  [405, CODE.UNIMPLEMENTED],
  [408, CODE.DEADLINE_EXCEEDED],
  [413, CODE.RESOURCE_EXHAUSTED],
  [415, CODE.INVALID_ARGUMENT],
  [429, CODE.RESOURCE_EXHAUSTED],
  [499, CODE.CANCELLED],
  [501, CODE.UNIMPLEMENTED],
  [502, CODE.UNAVAILABLE],
  [503, CODE.UNAVAILABLE],
  [504, CODE.DEADLINE_EXCEEDED],
]);

export const codeOfHttp = (status: number): number =>
  BY_HTTP.get(status) ?? (status < 500 ? CODE.INVALID_ARGUMENT : CODE.INTERNAL);

/**
 * What an answer means that is none of gRPC's, by its HTTP status (gRPC over HTTP2, HTTP to gRPC Status Code Mapping).
 */
export function codeOfStranger(status: number): number {
  if (status === 400) return CODE.INTERNAL;
  if (status === 401) return CODE.UNAUTHENTICATED;
  if (status === 403) return CODE.PERMISSION_DENIED;
  if (status === 404) return CODE.UNIMPLEMENTED;
  return status === 429 || (status >= 502 && status <= 504) ? CODE.UNAVAILABLE : CODE.UNKNOWN;
}

/** The status that these fields tell, `grpc-status` and what comes with it; undefined where they tell none. */
export function statusOf(fieldValue: (name: string) => string | undefined): GrpcStatus | undefined {
  const code = fieldValue("grpc-status");
  if (code === undefined) return undefined;
  const number = /^\d{1,9}$/.test(code) ? Number(code) : CODE.UNKNOWN;
  const message = decoded(fieldValue("grpc-message") ?? "");
  const raw = fieldValue("grpc-status-details-bin");
  return { code: number, message, details: detailsOf(raw, number), ...(raw === undefined ? {} : { raw }) };
}

/** Of what is not percent-encoded UTF-8 the text itself. */
function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** Details that do not go with the status are somebody else's. */
function detailsOf(base64: string | undefined, code: number): Any[] {
  if (base64 === undefined) return [];
  try {
    const reader = new BinaryReader(Buffer.from(base64, "base64"));
    const details: Any[] = [];
    let own = 0;
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1) own = reader.int32();
      else if (field === 3) details.push(fromBinary(AnySchema, reader.bytes()));
      else reader.skip(wireType, field);
    }
    return own === code ? details : [];
  } catch {
    return [];
  }
}

/** A google.rpc.Status in JSON. A detail of a type that is not known is its bytes in base64. */
export function statusJson({ code, message, details }: GrpcStatus, registry: Registry): JsonValue {
  return {
    code,
    message,
    details: details.map((detail) => {
      try {
        return toJson(AnySchema, detail, { registry });
      } catch {
        return { "@type": detail.typeUrl, value: Buffer.from(detail.value).toString("base64") };
      }
    }),
  };
}

/** The same in Protocol Buffers. */
export function statusBinary({ code, message, details }: GrpcStatus): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int32(code);
  writer.tag(2, WireType.LengthDelimited).string(message);
  for (const { typeUrl, value } of details) {
    const any = new BinaryWriter().tag(1, WireType.LengthDelimited).string(typeUrl);
    any.tag(2, WireType.LengthDelimited).bytes(value);
    writer.tag(3, WireType.LengthDelimited).bytes(any.finish());
  }
  return writer.finish();
}
