import { readFileSync } from "node:fs";
import { create, type DescFile, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { DescriptorError } from "./descriptor-error";
import { readProtoFiles } from "./proto-files";

/** Where an API is told: by a descriptor set, or by `.proto` files. */
export interface DescriptorSource {
  readonly descriptors: string | undefined;
  readonly protos: readonly string[];
  /** Directories in which imports are looked for. */
  readonly includes: readonly string[];
}

/** What everybody has, whether a set holds it or not. */
const WELL_KNOWN: ReadonlyMap<string, FileDescriptorProto> = new Map(
  [
    file_google_protobuf_any,
    file_google_protobuf_api,
    file_google_protobuf_descriptor,
    file_google_protobuf_duration,
    file_google_protobuf_empty,
    file_google_protobuf_field_mask,
    file_google_protobuf_source_context,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_type,
    file_google_protobuf_wrappers,
  ].map(({ proto }: DescFile) => [proto.name, proto]),
);

/**
 * Reads what an API is told by. Each file comes after those that it imports; what is imported and not there is empty,
 * since most such files declare options alone.
 *
 * @throws DescriptorError
 */
export function readDescriptors({ descriptors, protos, includes }: DescriptorSource): FileDescriptorSet {
  const files = descriptors === undefined ? readProtoFiles(protos, includes) : readSet(descriptors);
  return create(FileDescriptorSetSchema, { file: inOrder(files) });
}

/** A set as text, to be handed to whoever serves by it. */
export const writtenSet = (set: FileDescriptorSet): string =>
  Buffer.from(toBinary(FileDescriptorSetSchema, set)).toString("base64");

/** The same set again. */
export const setOf = (text: string): FileDescriptorSet =>
  fromBinary(FileDescriptorSetSchema, Buffer.from(text, "base64"));

function readSet(path: string): FileDescriptorProto[] {
  let file: FileDescriptorProto[];
  try {
    ({ file } = fromBinary(FileDescriptorSetSchema, readFileSync(path)));
  } catch (error) {
    throw new DescriptorError(`${path}: no descriptor set: ${(error as Error).message}`);
  }
  if (file.length === 0 || file.some(({ name }) => name === ""))
    throw new DescriptorError(`${path}: no descriptor set: no file in it, or one without a name`);
  return file;
}

function inOrder(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const ordered = new Map<string, FileDescriptorProto>();
  const under = new Set<string>();
  const add = (name: string): void => {
    if (ordered.has(name)) return;
    if (under.has(name))
      throw new DescriptorError(`${name}: imports itself, by way of ${[...under].join(", ")}`);
    under.add(name);
    const file =
      byName.get(name) ??
      WELL_KNOWN.get(name) ??
      create(FileDescriptorProtoSchema, { name, syntax: "proto3" });
    file.dependency.forEach(add);
    under.delete(name);
    ordered.set(name, file);
  };
  files.forEach(({ name }) => add(name));
  return [...ordered.values()];
}
