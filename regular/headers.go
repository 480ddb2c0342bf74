package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"net/textproto"
	"strings"
)

// ours are headers that no file may have.
var ours = map[string]bool{"Connection": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true, "Host": true, "Transfer-Encoding": true}

// Headers are what the file at path has, as Read, in lines "name: value", of HTTP requests; empty lines, and those that begin with #, are
// none. Errors are of type *fs.PathError, and repeat nothing of it, for it may be a secret.
func Headers(path string, most int) (map[string][]string, error) {
	data, err := Read(path, most)
	if err != nil {
		return nil, err
	}
	headers := make(map[string][]string)
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if !ok || value == "" || !isToken(name) || strings.ContainsFunc(value, isControl) {
			return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf(`its line %d is no header, "name: value"`, n)}
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if ours[name] {
			return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("its line %d has a header that is not its to choose", n)}
		}
		headers[name] = append(headers[name], value)
	}
	if len(headers) == 0 {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("there are none in it")}
	}
	return headers, nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// inToken are what the name of a header may have.
const inToken = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~"

// isToken says that s may be the name of a header.
func isToken(s string) bool { return s != "" && strings.Trim(s, inToken) == "" }
