package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"cashew/regular"

	"gopkg.in/yaml.v3"
)

// A text that is a secret, or belongs to one, can stand in the file, in a file of its own, or in the environment:
//
//	server_password: text       server_password_file: /run/secrets/redis       server_password_env: REDIS_PASSWORD
//
// Nothing else of a configuration is looked up anywhere. What is looked up is never shown: Effective has the path, or the name. A problem
// has not even these, but for what must be a path: the secret itself may have been written there by mistake.

// secret is a text that a pool has one way or another.
type secret struct {
	text string
	from string // a path, or the name of a variable; "": it stands in the file itself
}

// secretKeys are the three keys of a text. An open one is no secret.
func (p *pool) secretKeys(name, want string, to *secret, open bool) []key {
	shown := func(name string) func() any {
		return func() any { return p.shown[name] }
	}
	plain := func(n *yaml.Node) string {
		line, reason := lineOf(n.Value)
		*to = secret{text: line}
		p.shown[name] = masked
		if open {
			p.shown[name] = line
		}
		return reason
	}
	from := func(name string, look func(string) (string, string)) func(n *yaml.Node) string {
		return func(n *yaml.Node) (reason string) {
			if to.from, reason = lineOf(n.Value); reason == "" {
				p.shown[name] = to.from
				to.text, reason = look(to.from)
			}
			return reason
		}
	}
	file, env := name+"_file", name+"_env"
	return []key{
		{name: name, to: to, want: want, set: plain, show: shown(name), isSecret: !open},
		{name: file, to: to, want: "the path of a file that holds " + want, set: from(file, p.readSecret), show: shown(file), isSecret: true},
		{name: env, to: to, want: "the name of an environment variable that holds " + want, set: from(env, fromEnv), show: shown(env), isSecret: true},
	}
}

// lineOf is a value that is one line, without its end, which a block scalar of YAML has: as with a secret's file, that is no part of it.
func lineOf(value string) (line, reason string) {
	line = strings.TrimSuffix(value, "\n")
	switch {
	case line == "":
		return "", "is empty"
	case strings.ContainsAny(line, "\r\n"):
		return "", "has more than one line"
	}
	return line, ""
}

// maxSecret is what a secret has at most, in bytes.
const maxSecret = 64 << 10

// readSecret is the text of a secret's file, without the end of its line. The file is watched from now on.
func (p *pool) readSecret(path string) (text, reason string) {
	text, look, err := readSecret(path)
	p.secretFiles = append(p.secretFiles, secretFile{path, look})
	switch {
	case err == nil:
		return text, ""
	case isPath(path):
		return "", fmt.Sprintf("file %q can't be used: %v", path, err)
	default:
		return "", "the file can't be used: " + err.Error()
	}
}

// isPath says whether a text may be shown as a path: its directory is there. A password may have a "/" in it, too.
func isPath(s string) bool {
	dir := filepath.Dir(s)
	if !strings.Contains(s, "/") || dir == "/" {
		return false
	}
	fi, err := os.Stat(dir)
	return err == nil && fi.IsDir()
}

func readSecret(path string) (text string, l look, err error) {
	l = lookAt(path)
	if l.err != "" {
		return "", l, errors.New(l.err)
	}
	data, err := regular.Read(path, maxSecret)
	if err != nil {
		return "", l, reasonOf(err)
	}
	text = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case text == "":
		err = errors.New("it is empty")
	case strings.ContainsAny(text, "\r\n"):
		err = errors.New("it has more than one line")
	case strings.Contains(text, "\x00"):
		err = errors.New("it has a NUL byte")
	}
	return text, l, err
}

// fromEnv is the text in an environment variable.
func fromEnv(name string) (text, reason string) {
	text, ok := os.LookupEnv(name)
	switch {
	case !ok:
		return "", "the environment has no such variable"
	case text == "":
		return "", "the variable is empty"
	}
	if text, reason = lineOf(text); reason != "" {
		reason = "the variable " + reason
	}
	return text, reason
}

// reasonOf takes the operation and the path off an error of package os.
func reasonOf(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// secretFile is a file that a secret was read from, and how it looked before.
type secretFile struct {
	path string
	look look
}

// look is what tells a file from what it was: a file that is replaced is another, as is one that is written to.
type look struct {
	err   string // "": there is one
	open  bool   // everybody may read it
	mtime int64
	size  int64
	inode uint64
}

func lookAt(path string) look {
	fi, err := os.Stat(path)
	if err != nil {
		return look{err: reasonOf(err).Error()}
	}
	l := look{open: fi.Mode()&0o004 != 0, mtime: fi.ModTime().UnixNano(), size: fi.Size()}
	if s, ok := fi.Sys().(*syscall.Stat_t); ok {
		l.inode = s.Ino
	}
	return l
}

// openSecrets warns of files that everybody may read.
func (c *checker) openSecrets(p *pool) {
	for i := range p.secretFiles {
		f := &p.secretFiles[i]
		if f.look.open {
			c.warn(p.at, Problem{Pool: p.Name, Value: f.path, Reason: "holds a secret, and everybody may read it", Want: "chmod o-r"})
		}
	}
}

// Look tells of the files that f's secrets were read from: it is another text once one of them was changed, replaced or removed. It is
// "" if there are none.
func (f *File) Look() string {
	var b strings.Builder
	for _, s := range f.secrets {
		fmt.Fprintf(&b, "%q %+v\n", s.path, lookAt(s.path))
	}
	return b.String()
}

// Looked is what Look said when f was read.
func (f *File) Looked() string {
	var b strings.Builder
	for _, s := range f.secrets {
		fmt.Fprintf(&b, "%q %+v\n", s.path, s.look)
	}
	return b.String()
}

// Again is f with its secrets read anew, and nothing else: the file, or one of users, may have been edited since.
func (f *File) Again() (*File, error) { return parseWith(f.name, f.data, lookupHost, f.acls, true) }
