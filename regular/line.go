package regular

import (
	"bytes"
	"errors"
	"io/fs"
)

// Line is what the file at path has, as Read, if that is one line, without its end. Errors are of type *fs.PathError.
func Line(path string, most int) ([]byte, error) {
	b, err := Read(path, most+2) // the line's end
	if err != nil {
		return nil, err
	}
	switch b = bytes.TrimRight(b, "\r\n"); {
	case len(b) == 0:
		err = errors.New("it is empty")
	case bytes.ContainsAny(b, "\r\n"):
		err = errors.New("it has more than one line")
	case len(b) > most:
		err = tooLong(most)
	default:
		return b, nil
	}
	return nil, &fs.PathError{Op: "read", Path: path, Err: err}
}
