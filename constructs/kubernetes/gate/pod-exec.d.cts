/** What a program has come to. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program in a pod's first container.
 *
 * @param access the API of Kubernetes
 * @param pod path of the pod: `/api/v1/namespaces/NAMESPACE/pods/NAME`
 * @param seconds how long it may be silent @default 30
 * @throws Error when it could not be run, or did not end
 */
export function execInPod(
  access: { readonly host: string; readonly token: string },
  pod: string,
  command: readonly string[],
  seconds?: number,
): Promise<Ended>;
