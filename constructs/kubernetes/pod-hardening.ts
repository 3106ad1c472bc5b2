/** Owner of processes that need no rights: `nonroot` of distroless images, in no image's list of real users. */
const NOBODY = "65532";

/** For a pod's securityContext: satisfies the restricted profile of the Pod Security Standards. */
export const HARDENED_POD = {
  runAsNonRoot: true,
  runAsUser: NOBODY,
  runAsGroup: NOBODY,
  fsGroup: NOBODY,
  seccompProfile: { type: "RuntimeDefault" },
};

/** For a container's securityContext: no way to more rights, and nothing of the image writable. */
export const HARDENED_CONTAINER = {
  allowPrivilegeEscalation: false,
  privileged: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ["ALL"] },
};

/** Lets a process without rights bind any port of its own pod; one of the settings Kubernetes calls safe. */
export const UNPRIVILEGED_PORTS = [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }];
