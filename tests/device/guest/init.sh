#!/bin/sh
# The first process of the virtual machine: the host's root, read-only, below a layer in memory, and
# in it the program that the kernel's command line names as sharpcam.start.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
exec >/dev/hvc0 2>&1 </dev/null
for word in $(cat /proc/cmdline); do
    case $word in sharpcam.start=*) start=${word#sharpcam.start=} ;; esac
done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /lower &&
    mount -t tmpfs -o size=60% memory /upper &&
    mkdir /upper/files /upper/work &&
    mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work whole /whole || poweroff -f
for folder in proc sys dev; do mount --move /$folder /whole/$folder; done
mkdir -p /whole/dev/shm /whole/dev/pts
mount -t tmpfs memory /whole/dev/shm
mount -t devpts terminals /whole/dev/pts
mount -t tmpfs memory /whole/run
ip link set lo up
chroot /whole /bin/sh "$start"
echo "$start ended with $?"
poweroff -f
