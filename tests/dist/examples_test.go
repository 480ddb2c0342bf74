package dist

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"cashew/tests/processtest"
)

// documents are those of a YAML file.
func documents(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader([]byte(read(t, path))))
	for {
		var doc map[string]any
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, doc)
	}
}

// at is what stands below keys and indexes of a document, nil if nothing does.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// checked has cashew check a configuration that an example holds, and returns it; warnings fail the test if it is strict.
func checked(t *testing.T, text any, strict bool) string {
	t.Helper()
	config, ok := text.(string)
	if !ok {
		t.Fatalf("the example has no configuration but %v", text)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"cashew.yml": strings.ReplaceAll(config, "/etc/cashew-admin", dir), "token": strings.Repeat("0123456789abcdef", 4)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program(t, cashew, "check", "--strict="+strconv.FormatBool(strict), dir+"/cashew.yml")
	return config
}

// TestExamples: what Kubernetes and compose start has a configuration that is right, ports that it listens on, and time to drain. Whether
// Kubernetes and compose take the files is what make dist asks their own libraries.
func TestExamples(t *testing.T) {
	dockerfile := read(t, "../../dist/Dockerfile")
	for _, name := range []string{"deployment.yaml", "sidecar.yaml"} {
		t.Run(name, func(t *testing.T) {
			var config string
			var pod any
			for _, d := range documents(t, "../../dist/kubernetes/"+name) {
				switch d["kind"] {
				case "ConfigMap":
					config = checked(t, at(d, "data", "cashew.yml"), true)
				case "Deployment":
					pod = at(d, "spec", "template", "spec")
				}
			}
			container := at(pod, "containers", 0)
			if name == "sidecar.yaml" {
				container = at(pod, "initContainers", 0)
				if at(container, "restartPolicy") != "Always" {
					t.Error("the sidecar's restartPolicy is not Always, so that the pod would wait for its end")
				}
			}
			for probe, path := range map[string]string{"readinessProbe": "/readyz", "livenessProbe": "/healthz", "startupProbe": "/healthz"} {
				if p := at(container, probe); p != nil && (at(p, "httpGet", "path") != path || at(p, "httpGet", "port") != "admin") {
					t.Errorf("%s asks %v; want %s of the admin port", probe, at(p, "httpGet"), path)
				}
			}
			if at(container, "livenessProbe") == nil {
				t.Error("there is no livenessProbe")
			}
			ports, _ := at(container, "ports").([]any)
			for _, p := range ports {
				port, _ := at(p, "containerPort").(int)
				if !regexp.MustCompile(`: 0\.0\.0\.0:` + strconv.Itoa(port) + `\n`).MatchString(config) {
					t.Errorf("port %v is no port on which the configuration listens for others:\n%s", p, config)
				}
			}
			drain, _ := at(parsed(t, config), "global", "drain_timeout").(int)
			delay, _ := at(parsed(t, config), "global", "drain_delay").(int)
			if grace, _ := at(pod, "terminationGracePeriodSeconds").(int); grace*1000 <= drain+delay {
				t.Errorf("terminationGracePeriodSeconds is %d; a delay of %d ms and a drain of %d ms take longer", grace, delay, drain)
			}
			if at(container, "securityContext", "readOnlyRootFilesystem") != true || at(container, "volumeMounts", 0, "mountPath") != "/etc/cashew" ||
				!strings.Contains(dockerfile, `"/etc/cashew/cashew.yml"`) {
				t.Error("the configuration is not mounted where the image reads it, or the root can be written")
			}
		})
	}
	t.Run("compose.yml", func(t *testing.T) {
		d := documents(t, "../../dist/compose.yml")[0]
		config := checked(t, at(d, "configs", "cashew", "content"), false) // whoever is in its network may ask the admin pages
		for _, port := range at(d, "services", "cashew", "ports").([]any) {
			inside := port.(string)[strings.LastIndex(port.(string), ":"):]
			if !strings.Contains(config, ": 0.0.0.0"+inside+"\n") {
				t.Errorf("port %v leads to none on which the configuration listens for others:\n%s", port, config)
			}
		}
		for server := range d["services"].(map[string]any) {
			if server != "cashew" && !strings.Contains(config, "- "+server+":6379:1 ") {
				t.Errorf("service %s is no server of the pool", server)
			}
		}
	})
	t.Run("packages", func(t *testing.T) { program(t, cashew, "check", "--strict", "../../dist/packages/cashew.yml") })
}

// TestAlerts: alerts and the dashboard ask for figures that there are, and promtool takes them.
func TestAlerts(t *testing.T) {
	page := read(t, "../../docs/metrics.md")
	for _, file := range []string{"prometheus-alerts.yml", "grafana-dashboard.json"} {
		names := regexp.MustCompile(`cashew_[a-z0-9_]+`).FindAllString(read(t, "../../dist/"+file), -1)
		if len(names) < 10 {
			t.Errorf("%s has the figures %q; something is wrong with this test", file, names)
		}
		for _, name := range names {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, "`"+base+"`") {
				t.Errorf("%s asks for %s, which docs/metrics.md does not have", file, name)
			}
		}
	}
	for _, group := range documents(t, "../../dist/prometheus-alerts.yml")[0]["groups"].([]any) {
		for _, rule := range at(group, "rules").([]any) {
			if at(rule, "labels", "severity") == nil || at(rule, "annotations", "summary") == nil || at(rule, "annotations", "description") == nil {
				t.Errorf("alert %v has no severity, summary or description", at(rule, "alert"))
			}
		}
	}
}

func TestAlertsFire(t *testing.T) {
	promtool := needed(t, "promtool")
	program(t, promtool, "check", "rules", "../../dist/prometheus-alerts.yml")
	program(t, promtool, "test", "rules", "testdata/alerts.yml")
}

// parsed is a YAML text.
func parsed(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMetrics: promtool has nothing to say of what a running proxy tells Prometheus.
func TestMetrics(t *testing.T) {
	promtool := needed(t, "promtool")
	s := newSandbox(t)
	status, body, err := processtest.Page("GET", "http://"+s.admin+"/metrics")
	if err != nil || status != 200 || !strings.Contains(body, "cashew_live_servers") {
		t.Fatalf("GET /metrics: %d, %v\n%s", status, err, body)
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(body)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
