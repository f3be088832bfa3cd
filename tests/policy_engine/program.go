// Package program names what `go build` makes of this module.
package program

import _ "sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
