// Gives the image configuration that BuildKit's Dockerfile front end makes, for one Dockerfile a line of JSON.
//
// Nothing is built and nothing is fetched: base images are what each case says of them.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

type base struct {
	User    string   `json:"user"`
	Env     []string `json:"env"`
	OnBuild []string `json:"onbuild"`
}

type testCase struct {
	Dockerfile []byte            `json:"dockerfile"`
	Target     string            `json:"target"`
	BuildArgs  map[string]string `json:"build_args"`
	Bases      map[string]base   `json:"bases"`
}

type answer struct {
	OK      bool     `json:"ok"`
	User    string   `json:"user"`
	Env     []string `json:"env"`
	Message string   `json:"message"`
}

type resolver struct{ bases map[string]base }

func (r resolver) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	known, ok := r.bases[ref]
	if !ok {
		return "", "", nil, fmt.Errorf("%s: not found", ref)
	}
	config := map[string]any{
		"architecture": "amd64", "os": "linux",
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest.FromString(ref).String()}},
		"config": map[string]any{"User": known.User, "Env": known.Env, "OnBuild": known.OnBuild},
	}
	data, err := json.Marshal(config)
	return ref, "", data, err
}

func convert(asked testCase) (result answer) {
	defer func() {
		if reason := recover(); reason != nil {
			result = answer{Message: fmt.Sprintf("panic: %v", reason)}
		}
	}()
	platform := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	made, err := dockerfile2llb.Dockerfile2LLB(context.Background(), asked.Dockerfile, dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{BuildArgs: asked.BuildArgs, Target: asked.Target},
		MetaResolver:   resolver{asked.Bases},
		TargetPlatform: &platform,
	})
	if err != nil {
		return answer{Message: err.Error()}
	}
	return answer{OK: true, User: made.Image.Config.User, Env: made.Image.Config.Env}
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	decoder := json.NewDecoder(lines)
	for decoder.More() {
		var asked testCase
		if err := decoder.Decode(&asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(convert(asked)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
