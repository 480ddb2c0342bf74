// Package examples reads the examples of dist/ as those would who take them: by Kubernetes's own types, and by compose's own library with
// its schema. It is a module of its own, as these are large, and no part of go.work; make dist runs it. tests/dist has what cashew makes
// of their configurations.
package examples

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// kinds are the objects that the examples have; a field that its type does not have, or one of another type, is a mistake.
var kinds = map[string]func() any{
	"v1 ConfigMap":                  func() any { return &core.ConfigMap{} },
	"v1 Service":                    func() any { return &core.Service{} },
	"apps/v1 Deployment":            func() any { return &apps.Deployment{} },
	"policy/v1 PodDisruptionBudget": func() any { return &policy.PodDisruptionBudget{} },
}

// object reads one object strictly.
func object(text []byte) (kind string, err error) {
	var head struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(text, &head); err != nil {
		return "", err
	}
	kind = head.APIVersion + " " + head.Kind
	if kinds[kind] == nil {
		return kind, os.ErrNotExist
	}
	return kind, yaml.UnmarshalStrict(text, kinds[kind]())
}

func TestKubernetes(t *testing.T) {
	files, err := filepath.Glob("../../dist/kubernetes/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("dist/kubernetes has %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range bytes.Split(text, []byte("\n---\n")) {
			if kind, err := object(part); err != nil {
				t.Errorf("%s: %s: %v", file, kind, err)
			}
		}
	}
}

// TestStrict: a field in the wrong place is seen.
func TestStrict(t *testing.T) {
	for text, right := range map[string]bool{
		"apiVersion: v1\nkind: Service\nspec: {ports: [{port: 1}]}":       true,
		"apiVersion: v1\nkind: Service\nspec: {ports: [{prot: 1}]}":       false,
		"apiVersion: v1\nkind: Service\nspec: {ports: [{port: \"x\"}]}":   false,
		"apiVersion: v1\nkind: Service\nspec: {ports: [{port: 1}]}\na: b": false,
		"apiVersion: v2\nkind: Service\nspec: {ports: [{port: 1}]}":       false,
	} {
		if _, err := object([]byte(text)); (err == nil) != right {
			t.Errorf("object(%q) = %v; want an error: %v", text, err, !right)
		}
	}
}

func TestCompose(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"../../dist/compose.yml"}, cli.WithName("cashew"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) != 4 || project.Services["cashew"].Build == nil || len(project.Configs) != 1 {
		t.Errorf("compose has %d services and %d configs", len(project.Services), len(project.Configs))
	}
	dockerfile := filepath.Join(project.Services["cashew"].Build.Context, project.Services["cashew"].Build.Dockerfile)
	if _, err := os.Stat(dockerfile); err != nil {
		t.Errorf("there is no %s to build", dockerfile)
	}
}
