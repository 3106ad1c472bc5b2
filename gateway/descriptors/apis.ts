import { create } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Api } from "./api";
import { setOf } from "./descriptor-set";

/** APIs by name, each made once. */
export class Apis {
  private readonly made = new Map<string, Api>();

  /** @param sets a FileDescriptorSet of each in base64, by name */
  constructor(private readonly sets: Readonly<Record<string, string>>) {}

  /** @param name undefined for one that has no methods */
  get(name: string | undefined): Api {
    const key = name ?? "";
    let api = this.made.get(key);
    if (api === undefined) {
      const set = name === undefined ? create(FileDescriptorSetSchema) : setOf(this.sets[name]!);
      this.made.set(key, (api = Api.of(set, key)));
    }
    return api;
  }
}
