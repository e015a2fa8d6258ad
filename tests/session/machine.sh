#!/bin/bash
# A machine with systemd and nothing but the units in DIR/units: process 1 of new namespaces, with file systems of its own where it
# writes. The files in DIR are in /run/test there. Started by systemd.py; whoever ends it ends all that runs there.
#
# usage: machine.sh DIR              in the caller's namespaces, as root: makes control groups, becomes `machine.sh DIR inside`
set -eu

directory=$1
if [ "${2-}" != inside ]; then
    # a control group of its own in each hierarchy is where the machine's begin; the caller removes them
    while IFS=: read -r _ controllers path; do
        name=${controllers#name=}
        for at in "/sys/fs/cgroup/$name" "/sys/fs/cgroup/unified" /sys/fs/cgroup; do
            [ -e "$at$path/cgroup.procs" ] || continue
            mkdir -p "$at$path/camd-test-$$"
            [ "$name" != cpuset ] || for file in cpuset.cpus cpuset.mems; do cat "$at$path/$file" >"$at$path/camd-test-$$/$file"; done
            echo $$ >"$at$path/camd-test-$$/cgroup.procs"
            echo "$at$path/camd-test-$$" >>"$directory/groups"
            break
        done
    done </proc/self/cgroup
    exec unshare --cgroup --mount --pid --uts --ipc --fork --kill-child "$0" "$directory" inside
fi

mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 lib /var/lib
cp -r "$directory" /run/test
unified=$(stat -fc %T /sys/fs/cgroup)
umount -R /sys/fs/cgroup
case $unified in
cgroup2fs) mount -t cgroup2 groups /sys/fs/cgroup ;;
*)
    mount -t tmpfs -o mode=755 groups /sys/fs/cgroup
    mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/devices
    mount -t cgroup -o none,name=systemd groups /sys/fs/cgroup/systemd
    mount -t cgroup -o devices groups /sys/fs/cgroup/devices
    ;;
esac
exec env -i container=test PATH="$PATH" SYSTEMD_UNIT_PATH=/run/test/units /lib/systemd/systemd --system --unit=test.target --log-target=console
