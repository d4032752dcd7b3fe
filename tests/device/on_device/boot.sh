# boot.sh ROOT TREE STATE: becomes the first process of a device and says "ready"; ends when its input does.
# Runs in namespaces of its own (user, network, mounts, processes), so nothing here is seen outside.
set -eu
root=$1 tree=$2 state=$3

for folder in "$tree"/*; do
    name=${folder##*/}
    [ -d "$folder" ] || continue
    case $name in etc | var | dev | proc | sys | tmp) continue ;; esac
    mkdir -p "$root/$name"
    mount --bind "$folder" "$root/$name"
    mount -o remount,bind,ro "$root/$name"
done
mount --bind "$state" "$root/phone"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --bind "$state/cpuinfo" "$root/proc/cpuinfo"
mount --bind "$state/boot_id" "$root/proc/sys/kernel/random/boot_id"

# Programs of another processor, unless the machine runs them anyway. Only within this user namespace (Linux 6.7), so
# the machine's table stays as it is.
if [ -n "${REGISTER:-}" ] && ! chroot "$root" /bin/true 2> /dev/null; then
    mkdir -p "$state/.binfmt"
    mount -t binfmt_misc none "$state/.binfmt" || { echo "cannot register ARM64 programs (Linux 6.7 can)" >&2; exit 1; }
    printf '%s' "$REGISTER" > "$state/.binfmt/register"
fi
echo ready
exec cat > /dev/null
