import { createFileRegistry, type DescMethod, type FileRegistry } from "@bufbuild/protobuf";
import { type FileDescriptorSet } from "@bufbuild/protobuf/wkt";
import { DescriptorError } from "./descriptor-error";
import { type HttpRule, httpRuleOf } from "./http-rule";

/** A method of a service, and the HTTP requests that stand for its calls. */
export interface ApiMethod {
  readonly method: DescMethod;
  /** `package.Service.Method` */
  readonly name: string;
  readonly rule: HttpRule | undefined;
}

/** Messages and services as a descriptor set tells them. */
export class Api {
  readonly methods: readonly ApiMethod[];

  private constructor(readonly registry: FileRegistry) {
    this.methods = [...registry.files].flatMap(({ services }) =>
      services.flatMap((service) =>
        service.methods.map((method) => ({
          method,
          name: `${service.typeName}.${method.name}`,
          rule: httpRuleOf(method.proto.options),
        })),
      ),
    );
  }

  /**
   * @param source what tells it, for messages
   * @throws DescriptorError
   */
  static of(set: FileDescriptorSet, source: string): Api {
    try {
      return new Api(createFileRegistry(set));
    } catch (error) {
      const missing = set.file.filter(isEmpty).map(({ name }) => name);
      const hint = missing.length === 0 ? "" : ` (imported, but not there: ${missing.join(", ")})`;
      throw new DescriptorError(`${source}: ${(error as Error).message}${hint}`);
    }
  }
}

const isEmpty = ({ messageType, enumType, service, extension }: FileDescriptorSet["file"][number]): boolean =>
  [messageType, enumType, service, extension].every(({ length }) => length === 0);
