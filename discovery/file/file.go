// Package file finds servers in a file: one a line, as they could stand below servers, "host:port:weight name". Blank lines and what begins
// with # mean nothing, and neither do a dash and a blank before a line, so that a list can be moved over from a configuration as it is.
package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
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
	s.read(tell)
	for ctx.Err() == nil {
		discovery.Pause(ctx, interval)
		now := lookAt(s.path)
		if now == last && (now != read || now.err != "") {
			s.read(tell)
			read = now
		}
		last = now
	}
}

func (s source) read(tell func(lines []string, err error)) {
	data, err := regular.Read(s.path, maxFile)
	if err != nil {
		tell(nil, err)
		return
	}
	tell(lines(string(data)), nil)
}

// lines are the servers of a text.
func lines(text string) (servers []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		line = strings.TrimSpace(strings.TrimPrefix(line, "- "))
		if line != "" && line[0] != '#' {
			servers = append(servers, line)
		}
	}
	return servers
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
