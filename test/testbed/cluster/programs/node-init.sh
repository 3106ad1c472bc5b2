#!/bin/sh
# node-init.sh DIRECTORY MAIN: makes the mount namespace it runs in a node's own and becomes the node's first process.
# To be run in mount and process namespaces of its own: whatever is mounted or started here ends with that process.
# From the environment: LOWER (directories of the root file system, upper first), KUBERNETES (the program), IMAGES
# (what containerd begins with, in directories records and shared; may be empty).
set -eu
directory=$1 main=$2

mount --make-rprivate /
# In memory: an overlay's upper layer may not lie on another overlay, and containerd makes overlays of its own.
mount -t tmpfs -o mode=0755 node "$directory/storage"
mkdir "$directory/storage/upper" "$directory/storage/work" "$directory/storage/containerd" "$directory/storage/kubelet"
mount -t overlay -o "lowerdir=$LOWER,upperdir=$directory/storage/upper,workdir=$directory/storage/work" node "$directory/root"

cd "$directory/root"
mount --rbind /dev dev
mount --rbind /sys sys
mount -t proc proc proc
mount -t tmpfs -o mode=0755 run run
mkdir -p var/lib/containerd var/lib/kubelet etc/kubernetes etc/cni/net.d
mount --bind "$directory/storage/containerd" var/lib/containerd
mount --bind "$directory/storage/kubelet" var/lib/kubelet
mount --bind "$directory/log" var/log
mount --bind "$directory/etc" etc/kubernetes
mount --bind "$directory/disk" srv
touch usr/local/bin/kubernetes
mount --bind "$KUBERNETES" usr/local/bin/kubernetes

# What containerd only reads of its images, all nodes have in common.
if [ -n "$IMAGES" ]; then
  cp -a "$IMAGES/records/." var/lib/containerd
  for kept in io.containerd.content.v1.content/blobs/sha256 io.containerd.snapshotter.v1.overlayfs/snapshots; do
    mkdir -p "var/lib/containerd/$kept"
    for shared in "$IMAGES/shared/$kept"/*; do
      if [ -d "$shared" ]; then
        mkdir -p "var/lib/containerd/$kept/${shared##*/}"
      else
        touch "var/lib/containerd/$kept/${shared##*/}"
      fi
      mount --bind "$shared" "var/lib/containerd/$kept/${shared##*/}"
    done
  done
fi

# A kubelet sets these for the whole machine; here it finds and sets copies.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  mkdir -p "run/settings/${setting%/*}"
  cat "proc/sys/$setting" >"run/settings/$setting"
  mount --bind "run/settings/$setting" "proc/sys/$setting"
done

pivot_root . mnt
umount -l /mnt
mount --make-rshared /
exec sh "/etc/kubernetes/$main"
