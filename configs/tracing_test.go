package configs

import (
	"os"
	"strings"
	"testing"
)

// TestTracingMistakes: what can't be is told with line, key and value, and without what may be a secret.
func TestTracingMistakes(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/bad", []byte("Zq9SeCrEt\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for lines, want := range map[string]string{
		"otlp_endpoint: http://localhost":                                  "",
		"otlp_endpoint: https://[::1]:4318/x/y":                            "",
		"otlp_endpoint: localhost:4318":                                    "2: global.otlp_endpoint: \"localhost:4318\" is not such a URL; expected a URL",
		"otlp_endpoint: http://localhost:0":                                "is not such a URL",
		"otlp_endpoint: http://localhost/?a=b":                             "has more than an address and a path",
		"otlp_endpoint: https://localhost/x?key=Zq9SeCrEt&b":               "has more than an address and a path",
		"otlp_endpoint: localhost/x?Zq9SeCrEt":                             "is not such a URL",
		"otlp_endpoint: http://me:Zq9SeCrEt@localhost":                     "has a user: who may tell the collector is for otlp_headers_file to say",
		"otlp_endpoint: http://localhost\n  otlp_tls_ca_cert_file: DIR/a":  "3: global.otlp_tls_ca_cert_file: needs an otlp_endpoint of https",
		"otlp_endpoint: https://localhost\n  otlp_tls_cert_file: DIR/a":    "3: global.otlp_tls_cert_file: needs otlp_tls_key_file beside it",
		"otlp_endpoint: https://localhost\n  otlp_tls_ca_cert_file: DIR/a": "DIR/a\" can't be used: no such file",
		"otlp_endpoint: http://localhost\n  otlp_headers_file: DIR/bad":    "DIR/bad\" has no headers: its line 1 is no header",
		"otlp_endpoint: http://localhost\n  otlp_headers_file: Zq9SeCrEt":  "has no headers: no such file",
		"otlp_endpoint: http://localhost\n  trace_sample: 1%":              "\"1%\" is not a share; expected 1/N",
	} {
		place := strings.NewReplacer("DIR", dir)
		_, err := parse(testFile, []byte(place.Replace("global:\n  "+lines+"\n"+pool1())), testLookup)
		want = place.Replace(want)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Zq9SeCrEt")) {
			t.Errorf("%s: %v; want %q", lines, err, want)
		}
	}
	if f := mustParse(t, "global:\n  trace_sample: 1/2\n"+pool1()); len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "means nothing without otlp_endpoint") {
		t.Errorf("%v", f.Warnings)
	}
}
