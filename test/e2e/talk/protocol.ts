import { loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";

/** All that goes either way. */
export interface Line {
  readonly text: string;
}

/** What calls bring of metadata, what comes back before the answer, and what comes at its end. */
export const FIELDS = { asked: "x-asked", initial: "x-heard", trailing: "x-listeners" };

const method = (comment: string, responseStream = false) => ({
  requestType: "Line",
  responseType: "Line",
  responseStream,
  comment,
});
const loaded = loadPackageDefinition(
  fromJSON({
    nested: {
      talk: {
        nested: {
          Line: { fields: { text: { type: "string", id: 1 } } },
          Talk: {
            methods: {
              Say: method("Has all who listen read a line, and answers with it. An empty one is refused."),
              Listen: method("What is said from now on, after a line that says that it begins.", true),
              End: method("Ends the streams of all who listen."),
            },
          },
        },
      },
    },
  }),
) as unknown as { readonly talk: { readonly Talk: ServiceClientConstructor } };

/** `talk.Talk`, for a service to serve and for clients to call. */
export const { Talk } = loaded.talk;
