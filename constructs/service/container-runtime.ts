import { Fn } from "cdktf";
import { checkCertificates } from "../host/check-certificates";
import { type HostFile, secretContent, textContent } from "../host";

/** Where the parts that all services of a host share lie. */
export const RUNTIME_PATHS = {
  guard: "/usr/local/lib/tricloud/service-container",
  storage: "/etc/tricloud/services/storage.conf",
  engine: "/etc/tricloud/services/containers.conf",
  /** Certificates of registries' authorities, by what podman takes for them. */
  authorities: "/etc/tricloud/services/authorities",
  credentials: "/etc/tricloud/services/registry-credentials.json",
  /** A folder for each service that has any. */
  secrets: "/etc/tricloud/services/secrets",
  /** A file for each task of a service. */
  tasks: "/etc/tricloud/services/tasks",
  /** Quadlet makes a unit of each file here. */
  units: "/etc/containers/systemd",
  /** Images, and what is noted of services. */
  state: "/var/lib/tricloud-services",
  /** How tasks have ended, for a Prometheus node exporter, which reads text files of a directory. */
  metrics: "/var/lib/tricloud-services/metrics",
  stateUnit: "/etc/systemd/system/tricloud-services.service",
} as const;

/** What a host needs to get images; the same for all services of a host. */
export interface RegistryAccess {
  /** PEM certificate of an authority that is trusted for registries besides the public ones. @default - none */
  readonly caCertificate?: string;
  /**
   * Credentials as podman keeps them, an expression of a sensitive value:
   * `{"auths": {"registry.example.com": {"auth": "BASE64 OF USER:PASSWORD"}}}`.
   * @default - none are needed
   */
  readonly credentials?: string;
  /**
   * Registries of AWS that know the host by the role of its machine: `123456789012.dkr.ecr.us-east-1.amazonaws.com`.
   * @default - none
   */
  readonly ecr?: readonly string[];
}

/** Debian's program that asks AWS for what lets a machine into its registries, as podman calls it. */
export const ECR_HELPER = { package: "amazon-ecr-credential-helper", name: "ecr-login" };

/** Whether a registry wants to be shown something. */
export const needsCredentials = ({ credentials, ecr = [] }: RegistryAccess): boolean =>
  credentials !== undefined || ecr.length > 0;

function credentialsFiles({ credentials, ecr = [] }: RegistryAccess): HostFile[] {
  const path = RUNTIME_PATHS.credentials;
  const helpers = { credHelpers: Object.fromEntries(ecr.map((registry) => [registry, ECR_HELPER.name])) };
  if (credentials === undefined) {
    return ecr.length === 0
      ? []
      : [{ path, content: textContent(`${JSON.stringify(helpers)}\n`), mode: "0600" }];
  }
  const all = ecr.length === 0 ? credentials : Fn.jsonencode(Fn.merge([Fn.jsondecode(credentials), helpers]));
  return [{ path, content: secretContent("registry-credentials", all), mode: "0600" }];
}

/** Files of every host that runs containers, whichever they are. @throws Error for certificates that are none */
export function runtimeFiles(access: RegistryAccess): HostFile[] {
  const { caCertificate } = access;
  checkCertificates("registry: caCertificate", caCertificate);
  return [
    { path: RUNTIME_PATHS.storage, content: textContent(STORAGE) },
    { path: RUNTIME_PATHS.engine, content: textContent(ENGINE) },
    { path: RUNTIME_PATHS.stateUnit, content: textContent(STATE_UNIT) },
    ...(caCertificate === undefined
      ? []
      : [{ path: `${RUNTIME_PATHS.authorities}/registry.crt`, content: textContent(caCertificate) }]),
    ...credentialsFiles(access),
  ];
}

/** Apart from what an administrator's own podman keeps: no image of theirs is ours to remove. */
const STORAGE = `[storage]
driver = "overlay"
graphroot = "${RUNTIME_PATHS.state}/storage"
runroot = "/run/tricloud-services/storage"

[storage.options.overlay]
# Or the folder would be a mount point, which nobody can remove.
skip_mount_home = "true"
`;

const ENGINE = `[engine]
tmp_dir = "/run/tricloud-services/libpod"
# The journal is for what containers say.
events_logger = "none"
`;

/** Owns the images: they go with it, once no service is left on the host. */
const STATE_UNIT = `[Unit]
Description=Images of Tricloud's services

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
StateDirectory=tricloud-services
StateDirectoryMode=0711

[Install]
WantedBy=multi-user.target
`;
