package regular

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
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
	huge := dir + "/huge"
	if err := errors.Join(os.WriteFile(huge, nil, 0o600), os.Truncate(huge, 1<<40)); err != nil {
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
		{huge, 16 << 20, "it has more than 16777216 bytes"},
		{dir + "/none", 5, "no such file"},
	} {
		got, err := Read(c.path, c.most)
		var of *fs.PathError
		if c.want == "" && (err != nil || string(got) != "12345") || c.want != "" && (!errors.As(err, &of) || !strings.Contains(err.Error(), c.want) || got != nil) {
			t.Errorf("Read(%s, %d) = %q, %v; want %q", c.path, c.most, got, err, c.want)
		}
	}
}

// TestReadWaits: what says that it is a file and has nothing yet, as /proc/kmsg, is a mistake at once. A test must not read that: whoever reads it
// takes it from others.
func TestReadWaits(t *testing.T) {
	var fds [2]int
	if err := errors.Join(syscall.Pipe(fds[:]), syscall.SetNonblock(fds[0], true)); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[1])
	defer syscall.Close(fds[0])
	if _, err := syscall.Write(fds[1], []byte("some")); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(fds[0], 0, 100); !errors.Is(err, errWaits) || got != nil {
		t.Errorf("%q, %v", got, err)
	}
	fd, err := open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("a file is opened with flags %#x, %v", flags, err)
	}
}

// TestReadGrows: what has no size, as files of /proc, is read to its end, and no further than so many bytes.
func TestReadGrows(t *testing.T) {
	const path = "/proc/self/status"
	if fi, err := os.Stat(path); err != nil || fi.Size() != 0 {
		t.Skip("no file without a size")
	}
	if got, err := Read(path, 1<<20); err != nil || !strings.Contains(string(got), "\nVmSize:") || !strings.HasSuffix(string(got), "\n") {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Read(path, 100); err == nil || !strings.Contains(err.Error(), "it has more than 100 bytes") || got != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestReadBounded: of what has no end no more is read than may be kept, and of a file that is too long nothing.
func TestReadBounded(t *testing.T) {
	const most = 1 << 20
	zero, err := syscall.Open("/dev/zero", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(zero)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := readAll(zero, 0, most)
	runtime.ReadMemStats(&after)
	if err == nil || got != nil || after.TotalAlloc-before.TotalAlloc > 8*most {
		t.Errorf("%d bytes, %v, for %d bytes of memory", len(got), err, after.TotalAlloc-before.TotalAlloc)
	}
}

// TestAppendable: what the opening of a log would take, and nothing else; and no file is made of it.
func TestAppendable(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.WriteFile(dir+"/file", nil, 0o600), syscall.Mkfifo(dir+"/fifo", 0o600), os.Symlink("file", dir+"/link"), os.Symlink("loop", dir+"/loop"),
		os.Symlink("new", dir+"/later"), os.Symlink("none/new", dir+"/never"), os.Symlink(dir+"/fifo", dir+"/pipe"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	socket, err := net.Listen("unix", dir+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for path, want := range map[string]error{
		"/file": nil, "/fifo": nil, "/link": nil, "/pipe": nil, "/new": nil, "/later": nil,
		"": syscall.EISDIR, "/": syscall.EISDIR, "/new/": syscall.EISDIR, "/loop": syscall.ELOOP, "/none/new": syscall.ENOENT, "/never": syscall.ENOENT,
		"/file/new": syscall.ENOTDIR, "/socket": errUnwritable,
	} {
		if err := Appendable(dir + path); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v; want %v", path, err, want)
		}
	}
	if err := Appendable("/dev/null"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir + "/new"); err == nil {
		t.Error("there is a file now")
	}
}
