// Package regular reads what the configuration names, so that nothing that stands in a file's place stops the process: a FIFO would be waited for, a
// device never ends. Whoever reads while others wait, as a reload does, reads by this package.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrIrregular is that there is something else than a file.
var ErrIrregular = errors.New("it is no regular file")

// Read is what the file at path has, if that is a regular one of at most so many bytes. It never waits for another process. Errors are
// of type *fs.PathError.
func Read(path string, most int) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, &fs.PathError{Op: "read", Path: path, Err: err} }
	fi, err := os.Stat(path) // first: to open some devices does something
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return fail(ErrIrregular)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written that could be lost
	if fi, err = f.Stat(); err == nil && !fi.Mode().IsRegular() {
		return fail(ErrIrregular)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > most:
		return fail(fmt.Errorf("it has more than %d bytes", most))
	}
	return data, nil
}
