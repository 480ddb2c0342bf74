package configs

import (
	"strings"
	"testing"
)

// TestAccessMistakes: what can't be is told with line, key and value, all of it at once.
func TestAccessMistakes(t *testing.T) {
	dir := t.TempDir()
	for lines, want := range map[string]string{
		"access_log: DIR/log\n  access_log_sample: 1/1": "",
		"audit_log: DIR/log\n  access_log: DIR/log":     "3: global.access_log: is the file of audit_log",
		"access_log_sample: 100":                        `2: global.access_log_sample: "100" is not a share; expected 1/N, one of N commands, such as 1/100`,
		"access_log_sample: 1/0":                        `2: global.access_log_sample: "1/0" is out of range; expected 1/N`,
		"access_log_sample: 1/x\n  access_log_rate: 0":  "2: global.access_log_sample: \"1/x\" is not a number; expected 1/N",
		"access_log_rate: 0\n  access_log_keys: 1":      "3: global.access_log_keys: \"1\" is not \"true\" or \"false\"",
	} {
		file := strings.ReplaceAll("global:\n  "+lines+"\n"+pool1(), "DIR", dir)
		_, err := parse(testFile, []byte(file), testLookup)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", lines, err, want)
		}
	}
}
