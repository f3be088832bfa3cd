package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	account     = "/var/run/secrets/kubernetes.io/serviceaccount/"
	kubeletPort = "10250"
	nodeVar     = "LABKIT_NODE"
	markVar     = "LABKIT_MARK"
	hostFolder  = "/host"
	answerTime  = 4 * time.Second
)

var sockets = []string{"/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"}

func apiToken() answer {
	call := "open(" + account + "token, O_RDONLY)"
	token, err := os.ReadFile(account + "token")
	if isAbsent(err) {
		return answer{Call: call, Absent: "token of the API"}
	}
	return attempted(call, err).saying(fmt.Sprintf("%d characters", len(token)))
}

// askAPI asks the API server what the pod's own account may do (SelfSubjectRulesReview), and does none of it.
func askAPI() answer {
	call := "POST selfsubjectrulesreviews"
	token, err := os.ReadFile(account + "token")
	if isAbsent(err) {
		return answer{Call: call, Absent: "token of the API"}
	}
	if err != nil {
		return attempted(call, err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM([]byte(text(account + "ca.crt")))
	client := http.Client{Timeout: answerTime, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}}
	address := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	review := fmt.Sprintf(`{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":{"namespace":%q}}`,
		text(account+"namespace"))
	request, err := http.NewRequest(http.MethodPost,
		"https://"+address+"/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", bytes.NewBufferString(review))
	if err != nil {
		return attempted(call, err)
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return attempted(call, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return answer{Call: call, Unknown: "the API server said " + response.Status}
	}
	var found struct {
		Status struct {
			ResourceRules []struct{ Verbs, Resources []string }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		return attempted(call, err)
	}
	var may []string
	for _, rule := range found.Status.ResourceRules {
		may = append(may, strings.Join(rule.Verbs, ",")+" "+strings.Join(rule.Resources, ","))
	}
	return answer{Call: call, Done: true, Said: "it may " + strings.Join(may, "; ")}
}

// reachKubelet asks the kubelet for its pods without any credential: reached is who gets an answer, even a no.
func reachKubelet() answer {
	node := os.Getenv(nodeVar)
	if node == "" {
		node = gateway()
	}
	address := net.JoinHostPort(node, kubeletPort)
	call := "GET https://" + address + "/pods"
	// Whoever answers counts; its certificate is nobody's here, and nothing secret is sent.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	response, err := (&http.Client{Timeout: answerTime, Transport: transport}).Get("https://" + address + "/pods")
	if errors.Is(err, unix.ECONNREFUSED) {
		return answer{Call: call, Absent: "kubelet at " + address}
	}
	if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) {
		return answer{Call: call, Hidden: "the network of the kubelet"}
	}
	if err != nil {
		return attempted(call, err)
	}
	_ = response.Body.Close()
	return answer{Call: call, Done: true, Said: "it answered: " + response.Status}
}

// gateway is where the default route leads, which is the engine's machine.
func gateway() string {
	for _, line := range strings.Split(text("/proc/net/route"), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != "00000000" {
			continue
		}
		if raw, err := hex.DecodeString(fields[2]); err == nil && len(raw) == 4 {
			return net.IPv4(raw[3], raw[2], raw[1], raw[0]).String()
		}
	}
	return "127.0.0.1"
}

func engineSocket() answer {
	for _, path := range sockets {
		if err := connects(path); !isAbsent(err) {
			return attempted("connect("+path+")", err)
		}
	}
	return answer{Call: "connect(" + sockets[0] + ")", Hidden: "the engine's socket"}
}

// markNode leaves a file in a folder of the node's, if one is mounted; whoever started the probe looks at it from
// outside, and removes it.
func markNode() answer {
	path := hostFolder + "/" + os.Getenv(markVar)
	call := fmt.Sprintf("open(%q, O_CREAT|O_WRONLY)", path)
	if _, err := os.Stat(hostFolder); isAbsent(err) || os.Getenv(markVar) == "" {
		return answer{Call: call, Hidden: "the node's folders"}
	}
	return attempted(call, os.WriteFile(path, []byte("labkit was here\n"), 0o644))
}

// makeCgroup leaves a control group, which the node's kernel keeps and no file system of the container: whoever
// started the probe looks for it from outside, and removes it.
func makeCgroup() answer {
	folder := cgroupFolder()
	path := filepath.Join(folder, os.Getenv(markVar))
	call := fmt.Sprintf("mkdir(%q)", path)
	if folder == "" || os.Getenv(markVar) == "" {
		return answer{Call: call, Hidden: "the tree of control groups"}
	}
	return attempted(call, unix.Mkdir(path, 0o755))
}

// cgroupFolder is where a hierarchy of control groups is mounted: that of memory with version 1, the only one with 2.
func cgroupFolder() string {
	for _, line := range strings.Split(text("/proc/self/mounts"), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		hasMemory := slices.Contains(strings.Split(fields[3], ","), "memory")
		if fields[2] == "cgroup2" && fields[1] == "/sys/fs/cgroup" || fields[2] == "cgroup" && hasMemory {
			return fields[1]
		}
	}
	return ""
}
