// Package file finds servers in a file: one a line, as they could stand below servers, "host:port:weight name". Blank lines and comments, from a # on,
// mean nothing, and neither do quotes around a line and a dash and a blank before it, so that a list can be moved over from a configuration as it is.
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"cashew/discovery"
	"cashew/regular"
)

// interval is how often the file is looked at. A file that is mounted, or that a link leads to which is changed, says nothing of a change by
// itself, so it is not waited for.
const interval = 250 * time.Millisecond

// maxFile is how long it may be, in bytes.
const maxFile = 4 << 20

type source struct{ path string }

// New is a source of a file.
func New(path string) discovery.Source { return source{path} }

// Watch reads the file each time that it looks other than before, and as it did a moment ago: one that is being written is left alone. An empty
// file is an empty list.
func (s source) Watch(ctx context.Context, tell func(lines []string, err error)) {
	last := lookAt(s.path)
	read := last // what was read last
	isRead := s.read(tell)
	for ctx.Err() == nil {
		discovery.Pause(ctx, interval)
		now := lookAt(s.path)
		if now == last && (now != read || !isRead) {
			isRead = s.read(tell)
			read = now
		}
		last = now
	}
}

// read tells what the file says. It is false if that could not be read for a reason which may pass though the file stays as it is.
func (s source) read(tell func(lines []string, err error)) bool {
	data, err := regular.Read(s.path, maxFile)
	if err != nil {
		if _, passes := errors.AsType[syscall.Errno](err); passes {
			tell(nil, err)
			return false
		}
		tell(nil, &discovery.Nonsense{Err: err}) // no file, or too long
		return true
	}
	tell(lines(string(data)))
	return true
}

// lines are the servers of a text, which editors of some systems begin with a mark.
func lines(text string) (servers []string, err error) {
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		server, err := discovery.Text(strings.TrimPrefix(strings.TrimSpace(line), "- "))
		if err != nil {
			return nil, &discovery.Nonsense{Err: fmt.Errorf("line %d %w", n, err)}
		}
		if server != "" {
			servers = append(servers, server)
		}
	}
	return servers, nil
}

// look is how the file looks without being read.
type look struct {
	err   string
	mtime time.Time
	size  int64
	mode  fs.FileMode
}

func lookAt(path string) look {
	fi, err := os.Stat(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return look{err: err.Error()}
	}
	return look{mtime: fi.ModTime(), size: fi.Size(), mode: fi.Mode()}
}
