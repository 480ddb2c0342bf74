package regular

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestRead: a regular file that is not too long is read; of all else an error says what is wrong, at once.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	file := dir + "/file"
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		most int
		want string // of the error; "": none
	}{
		{file, 5, ""},
		{dir + "/link", 6, ""},
		{file, 4, "it has more than 4 bytes"},
		{dir + "/fifo", 5, ErrIrregular.Error()},
		{"/dev/zero", 5, ErrIrregular.Error()},
		{dir, 5, ErrIrregular.Error()},
		{dir + "/none", 5, "no such file"},
	} {
		got, err := Read(c.path, c.most)
		var of *fs.PathError
		if c.want == "" && (err != nil || string(got) != "12345") || c.want != "" && (!errors.As(err, &of) || !strings.Contains(err.Error(), c.want) || got != nil) {
			t.Errorf("Read(%s, %d) = %q, %v; want %q", c.path, c.most, got, err, c.want)
		}
	}
}
