package discovery

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"cashew/regular"
)

// Kept is what a file keeps of a pool's servers, and what a process tells the one that takes its place.
type Kept struct {
	Source string   `json:"source"` // what was looked for: a list of another is not read from a file
	Begin  []string `json:"begin"`  // what stood below servers: once the configuration has others, these are meant
	Lines  []string `json:"servers"`
}

// maxKept is how long such a file may be, in bytes.
const maxKept = 4 << 20

// ReadKept reads what the file at path keeps. It is nil if there is none.
func ReadKept(path string) (*Kept, error) {
	data, err := regular.Read(path, maxKept)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	if err != nil {
		return nil, err
	}
	k := new(Kept)
	if err := json.Unmarshal(data, k); err != nil {
		return nil, err
	}
	return k, nil
}

// errNoFile is about a path that leads to something else, which must not be replaced.
var errNoFile = errors.New("not a regular file")

// Write keeps k in a file: whoever reads it, whenever, finds the one before or this one, whole. It returns how that looks.
func (k *Kept) Write(path string) (as fs.FileInfo, err error) {
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		return nil, errNoFile
	}
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // its mode is 0600
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		as, err = f.Stat()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return as, err
}
