package discovery

import (
	"errors"
	"strings"

	"gopkg.in/yaml.v3"
)

var (
	errQuotes = errors.New("has a quote at its beginning, and is not what YAML takes in quotes")
	errLines  = errors.New("has more than one line")
)

// Text is what a person's line says, as it would below servers, where YAML takes quotes and a comment off. "": nothing.
//
//	"10.0.0.1:6379:1 a"  # the first    10.0.0.1:6379:1 a
//	# there were more                   nothing
func Text(line string) (string, error) {
	line = strings.TrimSpace(line)
	switch {
	case strings.ContainsAny(line, "\r\n"):
		return "", errLines
	case line == "" || line[0] == '#':
		return "", nil
	case line[0] == '"' || line[0] == '\'':
		return unquoted(line)
	}
	for i := 1; i < len(line); i++ {
		if line[i] == '#' && (line[i-1] == ' ' || line[i-1] == '\t') {
			return strings.TrimSpace(line[:i]), nil
		}
	}
	return line, nil
}

// unquoted is what stands in the quotes that line begins with. There must be nothing else but a comment.
func unquoted(line string) (string, error) {
	var entry []yaml.Node // as below servers: a document of one word may have anything behind it
	if err := yaml.Unmarshal([]byte("- "+line), &entry); err != nil || len(entry) != 1 || entry[0].Kind != yaml.ScalarNode || strings.TrimSpace(entry[0].Value) == "" {
		return "", errQuotes
	}
	return strings.TrimSpace(entry[0].Value), nil
}
