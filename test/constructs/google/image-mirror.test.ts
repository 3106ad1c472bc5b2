import { ImageMirror } from "../../../constructs/google";
import { removeSynthesised, synthesise } from "./synthesised-stack";

afterAll(removeSynthesised);

describe("ImageMirror", () => {
  let mirror: ImageMirror | undefined;
  const stack = synthesise((scope) => {
    mirror = new ImageMirror(scope, "images", {
      project: "example-uk",
      gcpRegion: "europe-west2",
      name: "uk-docker-hub",
      readers: { nodes: "serviceAccount:nodes@example-uk.iam.gserviceaccount.com" },
    });
  });

  it("copies Docker Hub, for those who may read and nobody else", () => {
    expect(stack.one("google_artifact_registry_repository")).toMatchObject({
      mode: "REMOTE_REPOSITORY",
      format: "DOCKER",
      remote_repository_config: { docker_repository: { public_repository: "DOCKER_HUB" } },
    });
    expect(stack.one("google_artifact_registry_repository_iam_member")).toMatchObject({
      role: "roles/artifactregistry.reader",
      member: "serviceAccount:nodes@example-uk.iam.gserviceaccount.com",
    });
  });

  it.each([
    [
      "docker.io/library/node:24.21.0",
      "europe-west2-docker.pkg.dev/example-uk/uk-docker-hub/library/node:24.21.0",
    ],
    ["registry.example.com/node:24.21.0", "registry.example.com/node:24.21.0"],
  ])("gives %s as %s", (image, via) => {
    expect(mirror?.via(image)).toBe(via);
  });
});
