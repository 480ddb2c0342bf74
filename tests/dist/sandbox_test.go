package dist

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// A sandbox is a machine on which command lines of documents run: /etc, /run, /tmp and /var/log are folders of it, the ports of the
// documents are ports from the kernel, and before them are a proxy of a file, with admin pages and statistics, and a demo.
type sandbox struct {
	t            *testing.T
	dir          string
	help         string
	makefile     string
	flags        string            // the sources of all that has flags of its own
	ports        map[string]string // of the documents, and what stands for them where something listens
	demoPorts    map[string]string // the same for clients
	admin, stats string
	served       *processtest.Process
	environment  []string
}

// nutcracker is the file that documents speak of: its servers are nowhere.
const nutcrackerFile = `alpha:
  listen: 127.0.0.1:22121
  hash: fnv1a_64
  distribution: ketama
  redis: true
  servers:
    - 10.0.0.1:6379:1
    - 10.0.0.2:6379:1
    - 10.0.0.3:6379:1
`

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := &sandbox{t: t, dir: processtest.TempDir(t), makefile: read(t, "../../Makefile"), ports: map[string]string{}, demoPorts: map[string]string{}}
	s.help = program(t, cashew, "--help")
	for _, pattern := range []string{"../../tests/*/*.go", "../../bench/*.go", "../../bench/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			s.flags += read(t, f)
		}
	}
	for _, dir := range []string{"bin", "etc/cashew", "etc/nutcracker", "run/cashew", "tmp", "var/log/cashew", "work"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cashew", "nutcracker"} {
		if err := os.Symlink(cashew, filepath.Join(s.dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	s.environment = append(os.Environ(), "PATH="+s.dir+"/bin:"+os.Getenv("PATH"))
	s.start()
	wider := strings.Replace(nutcrackerFile, "    - 10.0.0.3:6379:1\n", "    - 10.0.0.3:6379:1\n    - 10.0.0.4:6379:1\n", 1)
	for name, text := range map[string]string{
		"work/nutcracker.yml": nutcrackerFile, "work/wider.yml": wider, "etc/nutcracker/nutcracker.yml": nutcrackerFile,
		"etc/cashew/cashew.yml": "global:\n  admin: off\n" + nutcrackerFile,
	} {
		s.write(name, text)
	}
	return s
}

// write writes a file, whose ports are the sandbox's.
func (s *sandbox) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(s.here(text, s.ports)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start starts a demo, to which redis-cli's lines go, and a proxy, which those go to that ask a running one.
func (s *sandbox) start() {
	s.t.Helper()
	demo := processtest.New(s.t, cashew, "demo", "--embedded-port=0", "-a", s.dir+"/demo-stats", "-p", s.dir+"/demo-pid")
	banner := regexp.MustCompile(`cashew listens on 127\.0\.0\.1:(\d+), before 3 in-memory (Redis|memcached)[^\n]*\n[^:\n]*127\.0\.0\.1:(\d+)`)
	demo.Up(s.t, func() bool {
		return len(banner.FindAllStringSubmatch(string(demo.Printed()), -1)) == 2 && exists(s.dir+"/demo-pid")
	})
	for _, m := range banner.FindAllStringSubmatch(string(demo.Printed()), -1) {
		s.demoPorts[map[string]string{"Redis": "22121", "memcached": "22122"}[m[2]]] = m[1]
		if m[2] == "Redis" {
			s.demoPorts["40775"] = m[3] // one of its servers
		}
	}
	s.admin, s.stats = "127.0.0.1:"+processtest.FreePort(s.t), filepath.Join(s.dir, "stats")
	s.ports["22223"] = s.admin[len("127.0.0.1:"):]
	for _, port := range []string{"22121", "22131", "32121", "32222", "32223"} {
		s.ports[port] = processtest.FreePort(s.t)
	}
	s.write("served.yml", "global:\n  admin: "+s.admin+"\n"+strings.Replace(nutcrackerFile, "127.0.0.1:22121", "/run/served.sock", 1))
	s.served = processtest.New(s.t, cashew, "-c", s.dir+"/served.yml", "-a", s.stats, "-p", s.dir+"/run/cashew/cashew.pid")
	s.served.Up(s.t, func() bool { return exists(s.dir+"/run/cashew/cashew.pid") && processtest.Listens("tcp", s.admin) })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

var (
	port  = regexp.MustCompile(`\b\d{5}\b`)
	place = regexp.MustCompile(`(^|[\s"'>(])/(etc|run|tmp|var/log)/`)
)

// here is text with the sandbox's folders, and ports.
func (s *sandbox) here(text string, ports map[string]string) string {
	text = port.ReplaceAllStringFunc(text, func(p string) string {
		if own := ports[p]; own != "" {
			return own
		}
		return p
	})
	return place.ReplaceAllString(text, "${1}"+s.dir+"/${2}/")
}

// run runs a line of a block, and compares what it says with what stands below it.
func (s *sandbox) run(c commandLine) error {
	for _, needs := range []string{"nc", "redis-cli"} {
		if _, err := exec.LookPath(needs); err != nil && (strings.HasPrefix(c.text, needs+" ") || strings.Contains(c.text, "| "+needs+" ")) {
			if needs == "redis-cli" && os.Getenv("CI") == "true" { // where the tests install it
				return err
			}
			return nil // who has it runs it
		}
	}
	ports := s.ports
	if strings.HasPrefix(c.text, "redis-cli ") || strings.Contains(c.text, "| nc ") {
		ports = s.demoPorts
	}
	text := s.here(strings.Replace(c.text, "-h SERVER", "-p 22121", 1), ports)
	words := strings.Fields(text)
	switch {
	case words[0] == "curl":
		return s.curl(text)
	case words[0] == "kill":
		if !strings.Contains(text, "kill -HUP ") {
			return fmt.Errorf("only -HUP is known here")
		}
	case words[0] == "redis-cli":
		text = strings.Replace(text, "redis-cli", "redis-cli --no-raw", 1)
	case words[0] == "cashew" && slices.Contains([]string{"reload", "health"}, words[1]) && !strings.Contains(text, "--admin"):
		text += " --admin " + s.admin
	case words[0] == "cashew" && words[1] == "bench":
		text = regexp.MustCompile(`=\d+\.\d+\.\d+\.\d+:\d+`).ReplaceAllString(text, "=127.0.0.1:"+s.demoPorts["22121"]) + " --rounds 2 --burst 5ms --keys 100"
		c.says = nil // figures of another day
	case words[0] == "cashew" && strings.HasPrefix(words[1], "-") && !slices.Contains(words, "-t"):
		return s.proxy(words[1:])
	}
	cmd := exec.Command("bash", "-c", text)
	cmd.Dir, cmd.Env = filepath.Join(s.dir, "work"), s.environment
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", text, err, out)
	}
	if want := strings.Join(c.says, "\n"); want != "" && strings.TrimSpace(string(out)) != strings.TrimSpace(want) {
		return fmt.Errorf("it says\n%s\nand not\n%s", out, want)
	}
	return nil
}

// proxy starts one, and ends it once it serves.
func (s *sandbox) proxy(args []string) error {
	pid := filepath.Join(s.dir, "pid")
	if i := slices.Index(args, "-p"); i >= 0 {
		pid = args[i+1]
	} else {
		args = append(args, "-p", pid)
	}
	if !slices.Contains(args, "-s") {
		args = append(args, "-a", filepath.Join(s.dir, "other-stats"))
	}
	if i := slices.Index(args, "-c"); !filepath.IsAbs(args[i+1]) {
		args[i+1] = filepath.Join(s.dir, "work", args[i+1])
	}
	_ = os.Remove(pid) // the running proxy's, perhaps, which gets it back
	p := processtest.New(s.t, cashew, args...)
	p.Up(s.t, func() bool { return exists(pid) })
	p.Signal(syscall.SIGTERM)
	processtest.Await(s.t, processtest.Patience, "the proxy ends", p.Ended)
	if code := p.State().ExitCode(); code != 0 {
		return fmt.Errorf("it ended with status %d: %s", code, p.Tail(2<<10))
	}
	s.write("run/cashew/cashew.pid", fmt.Sprintln(s.served.Pid()))
	return nil
}

// curl asks for the page that a line asks for: it has to be there, whatever it says.
func (s *sandbox) curl(text string) error {
	method := http.MethodGet
	if m := regexp.MustCompile(`-X (\S+)`).FindStringSubmatch(text); m != nil {
		method = m[1]
	}
	url := regexp.MustCompile(`http://[^'"\s]+`).FindString(text)
	status, body, err := processtest.Page(method, url)
	if err == nil && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) && !strings.Contains(body, "pool") {
		err = fmt.Errorf("%s: %d %s", url, status, body)
	}
	return err
}
