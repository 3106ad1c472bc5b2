import { type AptSource } from "../../constructs/host";
import { type Skopeo } from "../images/skopeo";
import { chartVersions } from "./chart-repository";
import { type DebianImage, debianImages } from "./debian-images";
import { packageVersions } from "./package-archive";

/** The services that know what is newest. Regions that ask the same are answered with one question. */
export class Sources {
  private readonly asked = new Map<string, Promise<unknown>>();

  constructor(private readonly skopeo: Skopeo) {}

  readonly debianImages = (awsRegion: string, architecture: string): Promise<DebianImage[]> =>
    this.once(["images", awsRegion, architecture], () => debianImages(awsRegion, architecture));

  readonly packageVersions = (name: string, source: AptSource, architecture: string): Promise<string[]> =>
    this.once(["packages", name, source, architecture], () => packageVersions(name, source, architecture));

  readonly chartVersions = (name: string, repository: string): Promise<string[]> =>
    this.once(["chart", name, repository], () => chartVersions(name, repository));

  readonly tags = (repository: string): Promise<string[]> =>
    this.once(["tags", repository], () => this.skopeo.tags(repository));

  readonly digestOf = (image: string): Promise<string> =>
    this.once(["digest", image], () => this.skopeo.digestOf(image));

  private once<Answer>(question: unknown, ask: () => Promise<Answer>): Promise<Answer> {
    const key = JSON.stringify(question);
    const answer = (this.asked.get(key) as Promise<Answer> | undefined) ?? ask();
    this.asked.set(key, answer);
    return answer;
  }
}
