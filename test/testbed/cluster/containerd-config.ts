import { imageTag } from "./images";

/** containerd as a node has it, in TOML. */
export const containerdConfig = (): string => `version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${imageTag("base")}"
  # Lowering a process's own score is a right that a machine made for tests may not have.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
