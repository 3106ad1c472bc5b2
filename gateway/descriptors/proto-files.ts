import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel as Idempotency,
  type MethodDescriptorProto,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  type ServiceDescriptorProto,
  ServiceDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import * as protobuf from "protobufjs";
import { DescriptorError } from "./descriptor-error";
import { type HttpRule, unknownHttpRule } from "./http-rule";

/** What a file begins with, comments aside: which of the two languages it is written in. */
const SYNTAX = /^\s*(?:(?:\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)\s*)*(syntax|edition)\s*=\s*(["'])([^"'\n]*)\2/;
const SCALARS: Readonly<Record<string, FieldType>> = {
  double: FieldType.DOUBLE,
  float: FieldType.FLOAT,
  int64: FieldType.INT64,
  uint64: FieldType.UINT64,
  int32: FieldType.INT32,
  fixed64: FieldType.FIXED64,
  fixed32: FieldType.FIXED32,
  bool: FieldType.BOOL,
  string: FieldType.STRING,
  bytes: FieldType.BYTES,
  uint32: FieldType.UINT32,
  sfixed32: FieldType.SFIXED32,
  sfixed64: FieldType.SFIXED64,
  sint32: FieldType.SINT32,
  sint64: FieldType.SINT64,
};

const WELL_KNOWN = /^google\/protobuf\/[a-z_]+\.proto$/;
/** The one enum among the well-known types that messages have fields of. */
const NULL_VALUE = ".google.protobuf.NullValue";

/** What the parser keeps with whatever it finds; its types do not tell. */
const PARSER = protobuf.parse as unknown as { filename: string | null };

interface ParsedFile {
  /** As imports name it. */
  readonly name: string;
  readonly path: string;
  readonly package: string;
  readonly imports: readonly string[];
  readonly syntax: string;
}

/**
 * Reads `.proto` files, and those that they import, as what a compiler would make of them. Of options only those are
 * kept that say how requests are put: google.api.http, json_name, packed and idempotency_level.
 *
 * @param files paths
 * @param includes directories in which imports are looked for, besides those of the files
 * @returns what they hold; an import that is not there is left out
 * @throws DescriptorError
 */
export function readProtoFiles(files: readonly string[], includes: readonly string[]): FileDescriptorProto[] {
  const root = new protobuf.Root();
  const roots = [...includes, ...files.map(dirname)].map((each) => resolve(each));
  const parsed = new Map<string, ParsedFile>();
  const read = (path: string, name: string): void => {
    if (parsed.has(name)) return;
    const file = parse(path, name, root);
    parsed.set(name, file);
    for (const each of file.imports) {
      // Everybody has these, and their own file would be as good.
      if (WELL_KNOWN.test(each)) continue;
      const found = roots.map((directory) => join(directory, each)).find(isFile);
      if (found !== undefined) read(found, each);
    }
  };
  for (const file of files) {
    const path = resolve(file);
    const under = roots.find((directory) => !relative(directory, path).startsWith(".."))!;
    read(path, relative(under, path));
  }
  return [...parsed.values()].map((file) => new FileConverter(file, root).convert());
}

function isFile(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

function parse(path: string, name: string, root: protobuf.Root): ParsedFile {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    throw new DescriptorError(`${path}: ${(error as Error).message}`);
  }
  const [, kind = "syntax", , syntax = "proto2"] = SYNTAX.exec(source) ?? [];
  if (kind === "edition")
    throw new DescriptorError(`${path}: edition ${syntax}: is read from a descriptor set only`);
  if (syntax !== "proto2" && syntax !== "proto3")
    throw new DescriptorError(`${path}: syntax "${syntax}" is not proto2 or proto3`);
  PARSER.filename = path;
  try {
    const { package: name_, imports } = protobuf.parse(source, root, { keepCase: true });
    return { name, path, package: name_ ?? "", imports: imports ?? [], syntax };
  } catch (error) {
    const told = (error as Error).message.replace(`(${path}, `, "(");
    const [, problem = told, line] = /^(.*) \(line (\d+)\)$/.exec(told) ?? [];
    throw new DescriptorError(`${path}${line === undefined ? "" : `:${line}`}: ${problem}`);
  } finally {
    PARSER.filename = null;
  }
}

/** Makes of what the parser has found in one file what a compiler tells of it. */
class FileConverter {
  constructor(
    private readonly file: ParsedFile,
    private readonly root: protobuf.Root,
  ) {}

  convert(): FileDescriptorProto {
    const { name, package: name_, imports, syntax } = this.file;
    const found = this.within(this.root);
    return create(FileDescriptorProtoSchema, {
      name,
      package: name_,
      dependency: [...imports],
      syntax,
      messageType: found.filter(isType).map((each) => this.message(each)),
      enumType: found.filter(isEnum).map(enumeration),
      service: found.filter(isService).map((each) => this.service(each)),
    });
  }

  /** What the file has declared outside of messages. */
  private within(namespace: protobuf.NamespaceBase): protobuf.ReflectionObject[] {
    return namespace.nestedArray.flatMap((each) => {
      if (isType(each) || isEnum(each) || isService(each))
        return each.filename === this.file.path ? [each] : [];
      return each instanceof protobuf.Namespace ? this.within(each) : [];
    });
  }

  private message(type: protobuf.Type): DescriptorProto {
    if ((type as { readonly group?: boolean }).group === true)
      throw this.wrong(type, "a group is read from a descriptor set only");
    // Those that an optional field makes for itself come last.
    const oneofs = [...type.oneofsArray].sort(
      (a, b) => Number(a.isProto3Optional) - Number(b.isProto3Optional),
    );
    const entries: DescriptorProto[] = [];
    // Where another file extends the message, the parser has a field here that begins with a dot.
    const field = type.fieldsArray
      .filter(({ name }) => !name.startsWith("."))
      .map((each) => {
        const made = this.field(each);
        if (each instanceof protobuf.MapField) entries.push(this.entry(each, made));
        const { partOf } = each;
        if (partOf !== null) made.oneofIndex = oneofs.indexOf(partOf);
        return made;
      });
    return create(DescriptorProtoSchema, {
      name: type.name,
      field,
      nestedType: [...type.nestedArray.filter(isType).map((each) => this.message(each)), ...entries],
      enumType: type.nestedArray.filter(isEnum).map(enumeration),
      oneofDecl: oneofs.map(({ name }) => ({ name })),
    });
  }

  private field(field: protobuf.Field): FieldDescriptorProto {
    const { name, id, options = {} } = field;
    const made = create(FieldDescriptorProtoSchema, {
      name,
      number: id,
      jsonName: (options["json_name"] as string | undefined) ?? jsonNameOf(name),
      // Of a field that is required the parser knows the word alone, before it has looked at features.
      label:
        field.repeated || field.map
          ? Label.REPEATED
          : field.toJSON().rule === "required"
            ? Label.REQUIRED
            : Label.OPTIONAL,
      ...(field.map
        ? { type: FieldType.MESSAGE, typeName: `${field.parent!.fullName}.${entryNameOf(name)}` }
        : this.typed(field, field.type)),
    });
    if (field.partOf?.isProto3Optional === true) made.proto3Optional = true;
    if (options["packed"] !== undefined)
      made.options = { $typeName: "google.protobuf.FieldOptions", packed: options["packed"] } as NonNullable<
        FieldDescriptorProto["options"]
      >;
    return made;
  }

  private entry(field: protobuf.MapField, made: FieldDescriptorProto): DescriptorProto {
    const part = (name: string, number: number, typed: object): FieldDescriptorProto =>
      create(FieldDescriptorProtoSchema, { name, number, jsonName: name, label: Label.OPTIONAL, ...typed });
    return create(DescriptorProtoSchema, {
      name: entryNameOf(made.name),
      field: [
        part("key", 1, { type: SCALARS[field.keyType] }),
        part("value", 2, this.typed(field, field.type)),
      ],
      options: { mapEntry: true },
    });
  }

  private typed(field: protobuf.FieldBase, name: string): { type: FieldType; typeName?: string } {
    const scalar = SCALARS[name];
    if (scalar !== undefined) return { type: scalar };
    const found = field.parent!.lookup(name, [protobuf.Type, protobuf.Enum]);
    // A type of a file that is not there is looked for among those that everybody has.
    if (found === null) {
      const typeName = this.elsewhere(field, name);
      return { type: typeName === NULL_VALUE ? FieldType.ENUM : FieldType.MESSAGE, typeName };
    }
    return { type: isEnum(found) ? FieldType.ENUM : FieldType.MESSAGE, typeName: found.fullName };
  }

  private service(service: protobuf.Service): ServiceDescriptorProto {
    return create(ServiceDescriptorProtoSchema, {
      name: service.name,
      method: service.methodsArray.map((each) => this.method(each)),
    });
  }

  private method(method: protobuf.Method): MethodDescriptorProto {
    const { name, requestType, responseType, requestStream = false, responseStream = false } = method;
    const typeName = (type: string): string =>
      method.parent!.lookup(type, [protobuf.Type])?.fullName ?? this.elsewhere(method, type);
    const said = Object.assign({}, ...asList(method.parsedOptions)) as Record<string, unknown>;
    const rule = said["(google.api.http)"];
    const level = said["idempotency_level"] as keyof typeof Idempotency | undefined;
    const options = create(
      MethodOptionsSchema,
      level === undefined ? {} : { idempotencyLevel: Idempotency[level] },
    );
    if (rule !== undefined) options.$unknown = [unknownHttpRule(this.rule(rule, method))];
    return create(MethodDescriptorProtoSchema, {
      name,
      inputType: typeName(requestType),
      outputType: typeName(responseType),
      ...(requestStream ? { clientStreaming: true } : {}),
      ...(responseStream ? { serverStreaming: true } : {}),
      options,
    });
  }

  private rule(value: unknown, method: protobuf.Method): HttpRule {
    const {
      custom,
      body = "",
      response_body = "",
      additional_bindings,
      selector,
      ...patterns
    } = value as Record<string, unknown>;
    void selector;
    const [[kind, path] = ["", ""], ...others] = Object.entries(patterns);
    if (others.length > 0) throw this.wrong(method, `an HTTP rule has ${others[0]![0]} besides ${kind}`);
    const own = custom as { readonly kind: string; readonly path: string } | undefined;
    return {
      method: own?.kind ?? kind.toUpperCase(),
      path: own?.path ?? (path as string),
      body: body as string,
      responseBody: response_body as string,
      additional: asList(additional_bindings).map((each) => this.rule(each, method)),
    };
  }

  /** Only what a well-known file declares is found without its file. */
  private elsewhere(at: protobuf.ReflectionObject, name: string): string {
    if (/^\.?google\.protobuf\./.test(name)) return `.${name.replace(/^\./, "")}`;
    throw this.wrong(
      at,
      `nothing declares ${name}: neither this file nor one that it imports and that is there`,
    );
  }

  private wrong(at: protobuf.ReflectionObject, problem: string): DescriptorError {
    return new DescriptorError(`${this.file.path}: ${at.fullName.slice(1)}: ${problem}`);
  }
}

const isType = (each: unknown): each is protobuf.Type => each instanceof protobuf.Type;
const isEnum = (each: unknown): each is protobuf.Enum => each instanceof protobuf.Enum;
const isService = (each: unknown): each is protobuf.Service => each instanceof protobuf.Service;
const asList = (value: unknown): unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? (value as unknown[]) : [value];

function enumeration({ name, values, options }: protobuf.Enum): EnumDescriptorProto {
  return create(EnumDescriptorProtoSchema, {
    name,
    value: Object.entries(values).map(([each, number]) => ({ name: each, number })),
    ...(options?.["allow_alias"] === true ? { options: { allowAlias: true } } : {}),
  });
}

/** A field's name in JSON, as protoc makes it. */
const jsonNameOf = (name: string): string => name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());

/** The message of a map field's entries, as protoc names it. */
function entryNameOf(field: string): string {
  const name = jsonNameOf(field);
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}Entry`;
}
