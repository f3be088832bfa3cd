# What somebody who runs code in the ledger's container tries first; each attempt is undone where it succeeds.
# kubectl exec -i ledger -- sh < attempts.sh
attempt() {
  if answer=$(sh -c "$2" 2>&1); then echo "could      $1"; else echo "could not  $1: $(echo "$answer" | tail -n 1)"; fi
}
attempt "read root's password file" "head -c 1 /etc/shadow"
attempt "put another program in the app's place" "mv /app/ledger /app/moved && mv /app/moved /app/ledger"
attempt "plant a program for whoever comes next" "touch /usr/local/bin/planted && rm /usr/local/bin/planted"
attempt "make a device" "mknod /tmp/device c 1 3 && rm /tmp/device"
attempt "make a user namespace" "unshare --user true"
attempt "read the app's key" "cat /etc/ledger/key"
attempt "write to the app's ledger" "touch /var/lib/ledger/forged && rm /var/lib/ledger/forged"
