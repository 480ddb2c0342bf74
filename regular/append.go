package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// errUnwritable is of what no lines can be appended to.
var errUnwritable = errors.New("it is neither a file nor a FIFO nor a character device")

// maxLinks is how many symbolic links lead from one to the next at most, as the kernel has it.
const maxLinks = 40

// Appendable says why lines can't be appended to path by this process, where a file is made if there is none: nil, they can. It opens and makes
// nothing.
func Appendable(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeable(path)
	case err != nil:
		return pathless(err)
	case fi.IsDir():
		return unix.EISDIR
	}
	switch mode := fi.Mode(); {
	case mode.IsRegular(), mode&fs.ModeNamedPipe != 0, mode&fs.ModeCharDevice != 0:
		return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
	}
	return errUnwritable
}

// makeable says why no file can be made at path, where there is none.
func makeable(path string) error {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			break // it is no link, and is not there
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(path) + "/" + to
		}
		path = to
	}
	if path == "" || os.IsPathSeparator(path[len(path)-1]) {
		return unix.EISDIR
	}
	dir := filepath.Dir(path)
	if fi, err := os.Stat(dir); err != nil {
		return pathless(err)
	} else if !fi.IsDir() {
		return unix.ENOTDIR
	}
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}

// pathless is err without its path, which who asks knows.
func pathless(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
