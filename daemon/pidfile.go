package daemon

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"cashew/regular"
)

// pidFile tells others the process's number, from when it serves to its end. One that another process left is taken
// over; while it is not certain that this process will serve, the content stays as it is. Without a path it is nothing.
type pidFile struct {
	path    string
	created bool // by us, and still empty
	written bool
}

// openPid makes sure that the file can be written. The error is the system's alone, without the path.
func openPid(path string) (*pidFile, error) {
	if path == "" {
		return &pidFile{}, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	created := err == nil
	if errors.Is(err, os.ErrExist) {
		f, err = os.OpenFile(path, os.O_WRONLY, 0)
	}
	if err != nil {
		return nil, systemError(err)
	}
	return &pidFile{path: path, created: created}, systemError(f.Close())
}

// write writes the decimal pid, without a newline.
func (f *pidFile) write() error {
	if f.path == "" {
		return nil
	}
	f.written = true
	return systemError(os.WriteFile(f.path, pidText(), 0o644))
}

// remove removes the file if it is this process's: another may have taken it over.
func (f *pidFile) remove() error {
	if f.written {
		content, err := regular.Read(f.path, 64)
		if err != nil || string(content) != string(pidText()) {
			return systemError(err)
		}
	} else if !f.created {
		return nil
	}
	return systemError(os.Remove(f.path))
}

func pidText() []byte { return []byte(strconv.Itoa(os.Getpid())) }

// systemError takes the operation and the path off an error of package os: the texts around it name them already.
func systemError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
