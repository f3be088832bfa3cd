# What somebody who runs code in the ledger's container tries first; each attempt is undone where it succeeds.
# kubectl exec -i ledger -- sh < attempts.sh
# From a container beside it, which sees its files under another folder: sh -s /proc/1/root < attempts.sh
root=$1
attempt() {
  if answer=$(sh -c "$2" 2>&1); then echo "could      $1"; else echo "could not  $1: $(echo "$answer" | tail -n 1)"; fi
}
attempt "read root's password file" "head -c 1 $root/etc/shadow"
attempt "put another program in the app's place" "mv $root/app/ledger $root/app/moved && mv $root/app/moved $root/app/ledger"
attempt "plant a program for whoever comes next" "touch $root/usr/local/bin/planted && rm $root/usr/local/bin/planted"
attempt "make a device" "mknod $root/tmp/device c 1 3 && rm $root/tmp/device"
attempt "make a user namespace" "unshare --user true"
attempt "read the app's key" "cat $root/etc/ledger/key"
attempt "write to the app's ledger" "touch $root/var/lib/ledger/forged && rm $root/var/lib/ledger/forged"
