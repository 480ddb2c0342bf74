// Package regular reads what the configuration names, so that nothing that stands in a file's place stops the process: a FIFO would be waited for, a
// device never ends, a huge file takes the memory. Whoever reads while others wait, as a reload does, reads by this package.
package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrIrregular is that there is something else than a file.
var ErrIrregular = errors.New("it is no regular file")

// errWaits is of what says that it is a file, and has to be waited for all the same, as /proc/kmsg.
var errWaits = errors.New("it is no regular file: to read it is to wait for what it will have")

// Read is what the file at path has, if that is a regular one of at most so many bytes. It never waits for another process, and never reads
// more than that. Errors are of type *fs.PathError.
func Read(path string, most int) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, &fs.PathError{Op: "read", Path: path, Err: err} }
	fi, err := os.Stat(path) // first: to open some devices does something
	if err != nil {
		return nil, err
	}
	switch {
	case !fi.Mode().IsRegular():
		return fail(ErrIrregular)
	case fi.Size() > int64(most):
		return fail(tooLong(most))
	}
	// Not by os.OpenFile: a read that would wait is an error, which it tries again until there is something.
	fd, err := open(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing was written that could be lost
	var now syscall.Stat_t
	if err := syscall.Fstat(fd, &now); err == nil && now.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return fail(ErrIrregular)
	}
	data, err := readAll(fd, min(int(fi.Size()), most), most)
	if err != nil {
		return fail(err)
	}
	return data, nil
}

// readAll is what fd has, which may be more than the size of its file says.
func readAll(fd, size, most int) ([]byte, error) {
	data := make([]byte, 0, size+1) // and one more, by which it is seen to end
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := read(fd, data[len(data):min(cap(data), most+1)])
		switch {
		case errors.Is(err, syscall.EAGAIN):
			return nil, errWaits
		case err != nil:
			return nil, err
		case n == 0:
			return data, nil
		}
		if data = data[:len(data)+n]; len(data) > most {
			return nil, tooLong(most)
		}
	}
}

func tooLong(most int) error { return fmt.Errorf("it has more than %d bytes", most) }

// open is the call of the system, which a signal may interrupt.
func open(path string) (fd int, err error) {
	for {
		fd, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
		if !errors.Is(err, syscall.EINTR) {
			return fd, err
		}
	}
}

// read is open's like.
func read(fd int, to []byte) (n int, err error) {
	for {
		n, err = syscall.Read(fd, to)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
